//! Random numbers beyond the uniform ones.

/// A standard normal number (Box and Muller).
pub(crate) fn normal(rng: &mut fastrand::Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    (radius * (std::f64::consts::TAU * rng.f64()).cos()) as f32
}
