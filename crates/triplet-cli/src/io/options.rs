//! Flags about reading, of every command that reads.

use super::limits::parse_size;
use clap::{Args, ValueEnum};

/// An input of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// Every input.
    All,
    /// The embeddings, or the table to train on.
    Data,
    /// The labels.
    Labels,
    /// The weights.
    Weights,
}

/// What readers cannot know from a file.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reading tables")]
pub(crate) struct ReadArgs {
    /// Separator of a text table: comma, semicolon, tab, space (any run of spaces), pipe,
    /// or one character. Default: found from the first lines.
    #[arg(long, value_parser = separator)]
    pub(crate) separator: Option<u8>,
    /// The first line of a text table has the names of the columns. Default: found. With
    /// =data, =labels or =weights for that input alone.
    #[arg(
        long,
        value_enum,
        value_name = "INPUT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all",
        hide_possible_values = true
    )]
    pub(crate) header: Vec<Which>,
    /// The first line of a text table is a row.
    #[arg(
        long,
        value_enum,
        value_name = "INPUT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all",
        hide_possible_values = true
    )]
    pub(crate) no_header: Vec<Which>,
    /// Column with the labels: its name, or its number from 0 (-1 is the last). Default: the
    /// column called label, labels, class, target or y; without names, the last.
    #[arg(long, value_name = "NAME|INDEX", allow_hyphen_values = true)]
    pub(crate) label_column: Option<String>,
    /// Columns to leave out, by name or number; may be repeated.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', allow_hyphen_values = true)]
    pub(crate) drop: Vec<String>,
    /// Columns that are features although they look like an id, a row number or a label.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', allow_hyphen_values = true)]
    pub(crate) keep: Vec<String>,
    /// Most memory for reading, such as 800M or 4G. Default: what the machine has free.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_memory: Option<u64>,
}

impl ReadArgs {
    /// Whether the first line of an input has names, if a flag says so.
    pub(crate) fn first_line(&self, input: Which) -> Option<bool> {
        let named = |list: &[Which]| list.contains(&input);
        let all = |list: &[Which]| list.contains(&Which::All);
        // What is said of one input goes before what is said of all.
        match (named(&self.header), named(&self.no_header), all(&self.header), all(&self.no_header)) {
            (true, false, ..) | (false, false, true, false) => Some(true),
            (false, true, ..) | (false, false, false, true) => Some(false),
            _ => None,
        }
    }

    /// Refuses flags that contradict each other.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let both = self.header.iter().find(|input| self.no_header.contains(input));
        anyhow::ensure!(both.is_none(), "--header and --no-header exclude each other: give one");
        let twice = self.drop.iter().find(|column| self.keep.contains(column));
        if let Some(column) = twice {
            anyhow::bail!("column {column:?} is in --drop and in --keep: give one");
        }
        if let Some(label) = self.label_column.as_ref().filter(|label| self.drop.contains(label)) {
            anyhow::bail!("column {label:?} is in --drop and is the --label-column: give one");
        }
        Ok(())
    }
}

fn separator(text: &str) -> Result<u8, String> {
    Ok(match text {
        "comma" => b',',
        "semicolon" => b';',
        "tab" | "\\t" => b'\t',
        "space" | "spaces" | "whitespace" => b' ',
        "pipe" => b'|',
        _ => match text.as_bytes() {
            [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n.+-#\0".contains(byte) => {
                *byte
            }
            _ => {
                return Err(format!(
                    "{text:?} is no separator: give comma, semicolon, tab, space, pipe, or one character \
                     that no number contains"
                ));
            }
        },
    })
}
