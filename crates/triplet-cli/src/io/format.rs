//! What a file is: by its first bytes, checked against its name.

use super::source::shorten;
use anyhow::{Result, bail};
use std::path::Path;

/// A format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Npy,
    Npz,
    Safetensors,
    Text,
    Parquet,
    /// Arrow's file, which is Feather of version 2.
    ArrowFile,
    ArrowStream,
    JsonLines,
}

use Format::{ArrowFile, ArrowStream, JsonLines, Npy, Npz, Parquet, Safetensors, Text};

const READABLE: &str =
    "expected .npy, .npz, .safetensors, .csv, .tsv, .txt, .parquet, .feather, .arrow or .jsonl";

impl Format {
    const fn words(self) -> &'static str {
        match self {
            Npy => "an npy file",
            Npz => "an npz file",
            Safetensors => "a safetensors file",
            Text => "a text table",
            Parquet => "a Parquet file",
            ArrowFile => "an Arrow (Feather) file",
            ArrowStream => "an Arrow stream",
            JsonLines => "JSON lines",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Npy => "npy",
            Npz => "npz",
            Safetensors => "safetensors",
            Text => "csv",
            Parquet => "parquet",
            ArrowFile => "feather",
            ArrowStream => "arrows",
            JsonLines => "jsonl",
        }
    }

    fn of_extension(extension: &str) -> Option<Self> {
        Some(match extension {
            "npy" => Npy,
            "npz" => Npz,
            "safetensors" => Safetensors,
            "csv" | "tsv" | "tab" | "txt" | "dat" | "data" => Text,
            "parquet" | "pq" => Parquet,
            "feather" | "arrow" | "ipc" => ArrowFile,
            "arrows" => ArrowStream,
            "jsonl" | "ndjson" => JsonLines,
            _ => return None,
        })
    }
}

/// What people keep arrays in and this program does not read: name, extensions, first
/// bytes, what to do.
const FOREIGN: &[(&str, &[&str], &[u8], &str)] = &[
    (
        "an HDF5 file",
        &["h5", "hdf5", "keras"],
        b"\x89HDF\r\n\x1a\n",
        "save its array with Python: numpy.save(\"x.npy\", h5py.File(\"x.h5\")[\"name\"][:])",
    ),
    ("a PyTorch file", &["pt", "pth", "ckpt", "bin"], b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19", TORCH),
    ("a Python pickle", &["pkl", "pickle", "p", "joblib"], b"\x80\x02", PICKLE),
    ("a Python pickle", &[], b"\x80\x03", PICKLE),
    ("a Python pickle", &[], b"\x80\x04", PICKLE),
    ("a Python pickle", &[], b"\x80\x05", PICKLE),
    (
        "a MATLAB file",
        &["mat"],
        b"MATLAB",
        "save its array with Python: numpy.save(\"x.npy\", scipy.io.loadmat(\"x.mat\")[\"name\"])",
    ),
    ("an Excel workbook", &["xlsx", "xls", "xlsm", "ods"], b"\xd0\xcf\x11\xe0", EXCEL),
    ("a Feather file of version 1", &[], b"FEA1", "write it again with pandas: to_feather(path)"),
    ("an encrypted Parquet file", &[], b"PARE", "write it without encryption"),
    ("an ORC file", &["orc"], b"ORC", "write it as Parquet: pandas.read_orc(path).to_parquet(\"x.parquet\")"),
    ("an Avro file", &["avro"], b"Obj\x01", "write it as Parquet"),
    ("an SQLite database", &["sqlite", "db"], b"SQLite format 3", "export the table as csv"),
    ("a bzip2 file", &["bz2"], b"BZh", "decompress it: bunzip2 FILE"),
    ("an xz file", &["xz"], b"\xfd7zXZ\0", "decompress it: unxz FILE"),
    ("a zstd file", &["zst"], b"\x28\xb5\x2f\xfd", "decompress it: unzstd FILE"),
    ("a tar archive", &["tar"], b"\0ustar", "unpack it first"),
    ("a PNG image", &["png"], b"\x89PNG", IMAGE),
    ("a JPEG image", &["jpg", "jpeg"], b"\xff\xd8\xff", IMAGE),
    ("a PDF", &["pdf"], b"%PDF", "give the table itself"),
    ("UTF-16 text", &[], b"\xff\xfe", UTF16),
    ("UTF-16 text", &[], b"\xfe\xff", UTF16),
];

const TORCH: &str =
    "save its tensor with Python: numpy.save(\"x.npy\", torch.load(\"x.pt\", map_location=\"cpu\").numpy())";
const PICKLE: &str =
    "save its array with Python: numpy.save(\"x.npy\", pickle.load(open(\"x.pkl\", \"rb\")))";
const EXCEL: &str = "save the sheet as csv, or with pandas: read_excel(path).to_csv(\"x.csv\", index=False)";
const IMAGE: &str = "give embeddings or pixels as a table or an array";
const UTF16: &str = "save it as UTF-8 (iconv -f UTF-16 -t UTF-8 FILE)";

/// The format of a file of this name that starts with these bytes.
pub(crate) fn detect(name: &str, shown: &str, head: &[u8]) -> Result<Format> {
    let extension = Path::new(name).extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    let extension = extension.unwrap_or_default();
    let named = Format::of_extension(&extension);
    let found = by_content(head);
    if found.is_none() || found == Some(Text) && named.is_none_or(|format| format != Text) {
        if let Some((what, _, _, advice)) = FOREIGN.iter().find(|kind| is_foreign(kind.2, head)) {
            bail!("is {what}: {advice}");
        }
        if let Some((what, _, _, advice)) =
            FOREIGN.iter().find(|kind| kind.1.contains(&extension.as_str()) && named.is_none())
        {
            bail!("has the name of {}: {advice}", what.trim_start_matches("a ").trim_start_matches("an "));
        }
    }
    match (named, found) {
        // A zip archive is looked into before it is judged; `{` starts JSON of either kind.
        (None, Some(Text)) if extension == "json" => Ok(JsonLines),
        (None, Some(format)) => Ok(format),
        (Some(Text), Some(Text)) => Ok(Text),
        (Some(JsonLines), Some(Text)) => Ok(JsonLines),
        (Some(ArrowFile), Some(ArrowStream)) | (Some(ArrowStream), Some(ArrowFile)) => {
            Ok(found.unwrap_or(Text))
        }
        (Some(named), Some(found)) if named == found => Ok(found),
        (Some(_), Some(Npz)) if is_torch_archive(head) => bail!("is a PyTorch file: {TORCH}"),
        (Some(Text), Some(JsonLines)) => Ok(Text),
        (Some(Text), None) if head.is_empty() => bail!("is empty"),
        (Some(named), Some(found)) => bail!(
            "not a readable {} file: it is {}: name it *.{}",
            named.extension(),
            found.words(),
            found.extension()
        ),
        (Some(named), None) if head.is_empty() => {
            bail!("not a readable {} file: it is empty", named.extension())
        }
        (Some(Text), None) => bail!(
            "is no text: it holds binary data (bytes of value 0): convert UTF-16 with iconv, or give an array as .npy"
        ),
        (Some(named), None) => {
            bail!("not a readable {} file: it does not start as {} does", named.extension(), named.words())
        }
        (None, None) if head.is_empty() => bail!("is empty"),
        (None, None) if shown.starts_with('-') => bail!("holds no format that can be read: {READABLE}"),
        (None, None) => bail!("unknown format {:?}: {READABLE}", shorten(&extension, 40)),
    }
}

fn is_foreign(magic: &[u8], head: &[u8]) -> bool {
    // The name of a tar archive's format stands at its 257th byte.
    if magic == b"\0ustar" { head.get(257..262) == Some(b"ustar") } else { head.starts_with(magic) }
}

/// Whether the first entries of a zip archive are those of PyTorch.
fn is_torch_archive(head: &[u8]) -> bool {
    let start = &head[..head.len().min(4096)];
    start.windows(8).any(|window| window == b"data.pkl")
}

fn by_content(head: &[u8]) -> Option<Format> {
    let magics: [(&[u8], Format); 6] = [
        (b"\x93NUMPY", Npy),
        (b"PK\x03\x04", Npz),
        (b"PK\x05\x06", Npz),
        (b"PAR1", Parquet),
        (b"ARROW1", ArrowFile),
        (b"\xff\xff\xff\xff", ArrowStream),
    ];
    if let Some((_, format)) = magics.into_iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(format);
    }
    if let Some((length, rest)) = head.split_first_chunk()
        && u64::from_le_bytes(*length) < 1 << 40
        && rest.first() == Some(&b'{')
        && length.contains(&0)
    {
        return Some(Safetensors);
    }
    if head.is_empty() || head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return None;
    }
    let plain = |byte: &u8| *byte >= 0x20 || b"\t\r\n\x0c".contains(byte);
    if !head.iter().all(plain) {
        return None;
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    Some(if text.starts_with(b"{") { JsonLines } else { Text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide_and_the_name_must_agree() {
        let npy = b"\x93NUMPY\x01\0".as_slice();
        assert_eq!(detect("x.npy", "x.npy", npy).unwrap(), Npy);
        assert_eq!(detect("-", "-", npy).unwrap(), Npy);
        assert_eq!(detect("/dev/fd/63", "", b"PAR1").unwrap(), Parquet);
        assert_eq!(detect("a.csv", "", b"1,2\n").unwrap(), Text);
        assert_eq!(detect("iris.data", "", b"1,2\n").unwrap(), Text);
        assert_eq!(detect("rows", "", b"{\"a\": 1}\n").unwrap(), JsonLines);
        for (name, head, fragments) in [
            ("x.csv", npy, ["it is an npy file", "*.npy"]),
            ("x.npy", b"1,2\n", ["not a readable npy file", "a text table"]),
            ("x.npy", b"PK\x03\x04", ["an npz file", "*.npz"]),
            ("x.npy", b"PK\x03\x04..............archive/data.pkl", ["PyTorch", "torch.load"]),
            ("m.h5", b"\x89HDF\r\n\x1a\n", ["is an HDF5 file", "numpy.save"]),
            ("x.npy", b"\x89HDF\r\n\x1a\n", ["is an HDF5 file", "numpy.save"]),
            ("m.pt", b"\0\0\0", ["PyTorch", "torch.load"]),
            ("t.csv", b"\xff\xfe1\0,\0", ["UTF-16", "iconv"]),
            ("t.csv", b"1\0,\0", ["is no text", "UTF-16"]),
            ("t.pkl", b"\x80\x04\x95", ["a Python pickle", "pickle.load"]),
            ("t.weird", b"\0\x01", ["unknown format \"weird\"", ".parquet"]),
            ("t.xlsx", b"\0\x01", ["Excel workbook", "to_csv"]),
        ] {
            let error = detect(name, name, head).unwrap_err().to_string();
            assert!(fragments.iter().all(|fragment| error.contains(fragment)), "{name}: {error}");
        }
    }
}
