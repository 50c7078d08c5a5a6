//! What one field of a text table may be.

/// A kind of field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Empty,
    /// An integer that i64 holds.
    Integer,
    /// Any other number: with a point, an exponent, or beyond i64; NaN too.
    Number,
    Bool,
    /// A date or a time.
    Time,
    Text,
}

impl Cell {
    pub(super) const fn is_numeric(self) -> bool {
        matches!(self, Self::Integer | Self::Number)
    }
}

/// A field without the space around it, and without quotes that stood after a space.
pub(super) fn trim(field: &str) -> &str {
    let field = field.trim();
    match field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.trim(),
        None => field,
    }
}

/// The kind of a trimmed field.
pub(super) fn kind(field: &str) -> Cell {
    let Some(first) = field.bytes().next() else { return Cell::Empty };
    let may_be_number = first.is_ascii_digit() || b"+-.nNiI".contains(&first);
    if may_be_number {
        if field.parse::<i64>().is_ok() {
            return Cell::Integer;
        }
        if field.parse::<f64>().is_ok() {
            return Cell::Number;
        }
    }
    if ["true", "false"].iter().any(|word| field.eq_ignore_ascii_case(word)) {
        return Cell::Bool;
    }
    if is_time(field) { Cell::Time } else { Cell::Text }
}

/// Whether text is neither a number nor a bool, a date or a time.
pub(crate) fn is_word(text: &str) -> bool {
    kind(text.trim()) == Cell::Text
}

/// Whether a field has the form of a date (2024-05-31, 31/5/2024, 5.31.24), a time (12:30)
/// or both.
fn is_time(field: &str) -> bool {
    let (date, time) = field.split_once(['T', ' ']).unwrap_or((field, ""));
    let parts = |text: &str, separator: char, counts: std::ops::RangeInclusive<usize>| {
        let parts: Vec<&str> = text.split(separator).collect();
        counts.contains(&parts.len())
            && parts
                .iter()
                .all(|part| (1..=4).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit()))
    };
    let is_date = |text: &str| ['-', '/', '.'].iter().any(|&separator| parts(text, separator, 3..=3));
    let is_clock = |text: &str| {
        let text = text.split(['Z', '+', '.']).next().unwrap_or_default().trim_end();
        parts(text, ':', 2..=3)
    };
    if time.is_empty() { is_date(date) || is_clock(date) } else { is_date(date) && is_clock(time) }
}

/// The integer that a decimal number is, exactly and without passing through floats:
/// `16777217.0` and `1.2e1` are integers, `0.5` is not. `Err(true)` if it is an integer
/// that i64 does not hold.
pub(super) fn integer(field: &str) -> Result<i64, bool> {
    if let Ok(value) = field.parse() {
        return Ok(value);
    }
    let (mantissa, exponent) = match field.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| false)?),
        None => (field, 0),
    };
    let (sign, digits) = match mantissa.strip_prefix(['-', '+']) {
        Some(rest) => (if mantissa.starts_with('-') { "-" } else { "" }, rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = [whole, fraction].concat();
    if all.is_empty() || !all.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(false);
    }
    let significant = all.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    // The value is `all` times ten to this power.
    let power = i64::from(exponent) - fraction.len() as i64;
    let trimmed = significant.trim_end_matches('0');
    let power = power + (significant.len() - trimmed.len()) as i64;
    if power < 0 {
        return Err(false);
    }
    if power > 20 {
        return Err(true);
    }
    format!("{sign}{trimmed}{}", "0".repeat(power as usize)).parse().map_err(|_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_kinds() {
        for (field, expected) in [
            ("", Cell::Empty),
            ("-12", Cell::Integer),
            ("9223372036854775808", Cell::Number),
            ("1e-3", Cell::Number),
            ("nan", Cell::Number),
            ("True", Cell::Bool),
            ("2024-05-31", Cell::Time),
            ("2024-05-31T10:00:00Z", Cell::Time),
            ("31/5/2024 10:00", Cell::Time),
            ("12:30", Cell::Time),
            ("192.168.0.1", Cell::Text),
            ("1,5", Cell::Text),
            ("cat", Cell::Text),
            ("i", Cell::Text),
        ] {
            assert_eq!(kind(field), expected, "{field:?}");
        }
    }

    #[test]
    fn decimals_are_integers_exactly_or_not_at_all() {
        for (field, expected) in [
            ("16777217.0", Ok(16_777_217)),
            ("-9007199254740993.000", Ok(-9_007_199_254_740_993)),
            ("1.000000000000000000e+00", Ok(1)),
            ("1.2e1", Ok(12)),
            ("120e-1", Ok(12)),
            ("-0.0", Ok(0)),
            ("9223372036854775807.0", Ok(i64::MAX)),
            ("-9223372036854775808.0", Ok(i64::MIN)),
            ("9223372036854775808", Err(true)),
            ("1e19", Err(true)),
            ("1e999999999", Err(true)),
            ("1e-999999999", Err(false)),
            ("0.5", Err(false)),
            ("16777216.5", Err(false)),
            ("nan", Err(false)),
            (".", Err(false)),
            ("1e", Err(false)),
        ] {
            assert_eq!(integer(field), expected, "{field}");
        }
    }
}
