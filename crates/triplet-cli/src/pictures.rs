//! Pictures as SVG and PNG.

use crate::io::OutputSet;
use anyhow::{Result, anyhow};
use kuva::{
    backend::{png::PngBackend, svg::SvgBackend},
    render::render::Scene,
};
use std::path::Path;

/// Pixels of a PNG for one of the SVG.
const SCALE: f32 = 2.0;

/// Writes a picture to a folder in both formats.
pub(crate) fn write(outputs: &mut OutputSet, folder: &Path, name: &str, scene: &Scene) -> Result<()> {
    let svg = SvgBackend::new().render_scene(scene);
    outputs.write(&folder.join(format!("{name}.svg")), |out| Ok(out.write_all(svg.as_bytes())?))?;
    let png = PngBackend::new()
        .with_scale(SCALE)
        .render_scene(scene)
        .map_err(|e| anyhow!("drawing {name}: {e}"))?;
    outputs.write(&folder.join(format!("{name}.png")), |out| Ok(out.write_all(&png)?))
}
