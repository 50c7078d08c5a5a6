//! Tables as people have them: separators, headers, indices, labels of every kind.

mod support;

use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeListArray, Float32Array, Float64Array, Int64Array, RecordBatch,
    StringArray, UInt64Array, types::Int32Type,
};
use arrow_schema::{DataType, Field};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use ndarray::{Array1, Array2, arr1, arr2};
use ndarray_npy::NpzWriter;
use parquet::arrow::ArrowWriter;
use std::{
    fs::File,
    io::{Read, Write},
    sync::Arc,
};
use support::Bench;

/// What a run must give.
enum Gives {
    /// A loss.
    Loss(f64),
    /// A refusal with these words.
    Error(&'static [&'static str]),
}
use Gives::{Error, Loss};

/// Files of one case, the arguments of `loss`, and what comes out. Rows 0, 1, 4, 9 with
/// classes 0 1 0 1 have a loss of 1.5.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str, Gives);

const X: (&str, &str) = ("x.csv", "0\n1\n4\n9\n");
const Y: (&str, &str) = ("y.csv", "0\n1\n0\n1\n");
const XY: &str = "--embeddings x.csv --labels y.csv";

const CASES: &[Case] = &[
    ("plain columns", &[X, Y], XY, Loss(1.5)),
    // Labels beyond what floats hold.
    ("2^24 with points", &[X, ("y.csv", "16777216.0\n16777217.0\n16777216.0\n16777217.0\n")], XY, Loss(1.5)),
    (
        "2^24 beside a column of floats",
        &[("t.csv", "a,label\n0.0,16777216\n1.0,16777217\n4.0,16777216\n9.0,16777217\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "2^53 with points",
        &[X, ("y.csv", "9007199254740992.0\n9007199254740993.0\n9007199254740992.0\n9007199254740993.0\n")],
        XY,
        Loss(1.5),
    ),
    (
        "savetxt's labels",
        &[X, ("y.txt", "0.0e+00\n1.000e+00\n0.000e+00\n1.000e+00\n")],
        "--embeddings x.csv --labels y.txt",
        Loss(1.5),
    ),
    ("2^63", &[X, ("y.csv", "1\n9223372036854775808\n1\n2\n")], XY, Error(&["y.csv", "line 2", "2^63"])),
    (
        "a label that is no integer",
        &[X, ("y.csv", "1\n0.5\n1\n0.5\n")],
        XY,
        Error(&["line 2", "0.5", "integers or text"]),
    ),
    ("a missing label", &[X, ("y.csv", "1\nnan\n1\n2\n")], XY, Error(&["line 2", "missing"])),
    ("one number in two spellings", &[X, ("y.csv", "01\n1\n01\n1\n")], XY, Error(&["\"01\"", "one way"])),
    ("labels with leading zeros", &[X, ("y.csv", "007\n010\n007\n010\n")], XY, Loss(1.5)),
    // Text, bool, dates.
    ("text", &[X, ("y.csv", "cat\ndog\ncat\ndog\n")], XY, Loss(1.5)),
    ("text with a header", &[X, ("y.csv", "label\ncat\ndog\ncat\ndog\n")], XY, Loss(1.5)),
    ("bool", &[X, ("y.csv", "True\nFalse\nTrue\nFalse\n")], XY, Loss(1.5)),
    ("dates", &[X, ("y.csv", "2024-01-01\n2024-01-02\n2024-01-01\n2024-01-02\n")], XY, Loss(1.5)),
    ("text among numbers", &[X, ("y.csv", "1\ncat\n1\ncat\n")], XY, Loss(1.5)),
    // First lines.
    (
        "first label is text",
        &[("x.csv", "0\n1\n"), ("y.csv", "cat\n1\n1\n")],
        XY,
        Error(&["y.csv", "cat", "--header=labels", "--no-header=labels"]),
    ),
    ("first label is text, of as many rows", &[X, ("y.csv", "cat\n1\ncat\n1\n")], XY, Loss(1.5)),
    (
        "first label is text, text below",
        &[X, ("y.csv", "species\ncat\ndog\ncat\ndog\n")],
        XY,
        Error(&["y.csv", "species", "--header=labels"]),
    ),
    (
        "the same, decided",
        &[X, ("y.csv", "species\ncat\ndog\ncat\ndog\n")],
        "--embeddings x.csv --labels y.csv --header=labels",
        Loss(1.5),
    ),
    (
        "pandas' numeric headers",
        &[("x.csv", "0\n0\n1\n4\n9\n"), ("y.csv", "0\n0\n1\n0\n1\n")],
        XY,
        Error(&["x.csv", "--header", "--no-header"]),
    ),
    (
        "the same, decided",
        &[("x.csv", "0\n0\n1\n4\n9\n"), ("y.csv", "0\n0\n1\n0\n1\n")],
        "--embeddings x.csv --labels y.csv --header",
        Loss(1.5),
    ),
    (
        "a numeric header over floats",
        &[("x.csv", "0,1,2\n0.0,0,0\n1.0,0,0\n4.0,0,0\n9.0,0,0\n"), Y],
        XY,
        Loss(1.5),
    ),
    (
        "a numeric header over integers",
        &[("x.csv", "0,1,2\n0,0,0\n1,0,0\n4,0,0\n9,0,0\n"), ("y.csv", "0\n0\n1\n0\n1\n")],
        XY,
        Loss(1.5),
    ),
    (
        "two columns under a numeric header",
        &[("x.csv", "0,1\n0,0\n1,0\n4,0\n9,0\n"), ("y.csv", "5\n6\n5\n6\n")],
        XY,
        Loss(1.5),
    ),
    (
        "rows that go on counting",
        &[("x.csv", "0,1,2\n3,4,5\n6,7,8\n9,10,11\n"), ("y.csv", "5\n6\n5\n6\n")],
        "--embeddings x.csv --labels y.csv",
        Loss(3.098_076),
    ),
    (
        "duplicate names",
        &[("t.csv", "a,a,label\n1,2,3\n")],
        "--embeddings t.csv",
        Error(&["t.csv", "both called \"a\""]),
    ),
    (
        "an empty name",
        &[("t.csv", "a,,label\n0,0,0\n1,0,1\n4,0,0\n9,0,1\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    // Columns that are no features.
    ("pandas' index", &[("x.csv", ",a\n0,0\n1,1\n2,4\n3,9\n"), Y], XY, Loss(1.5)),
    (
        "pandas' index, read and written again",
        &[("x.csv", "Unnamed: 0,a\n0,0\n1,1\n2,4\n3,9\n"), Y],
        XY,
        Loss(1.5),
    ),
    ("an index of labels", &[X, ("y.csv", ",label\n0,0\n1,1\n2,0\n3,1\n")], XY, Loss(1.5)),
    ("an id", &[("t.csv", "user_id,a,label\n7,0,0\n3,1,1\n9,4,0\n1,9,1\n")], "--embeddings t.csv", Loss(1.5)),
    (
        "an index of floats",
        &[("t.csv", ",a,label\n0.5,0,0\n1.5,1,1\n2.5,4,0\n3.5,9,1\n")],
        "--embeddings t.csv",
        Error(&["no name", "--drop 0", "--keep 0"]),
    ),
    (
        "weights beside features",
        &[("t.csv", "sample_weight,a,label\n5,0,0\n6,1,1\n7,4,0\n8,9,1\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "a named column that counts the rows",
        &[("t.csv", "n,a,label\n0,0,0\n1,1,1\n2,4,0\n3,9,1\n4,5,0\n5,5,0\n6,5,0\n7,5,0\n")],
        "--embeddings t.csv",
        Error(&["\"n\" counts the rows", "--drop n", "--keep n"]),
    ),
    (
        "--drop",
        &[(
            "t.csv",
            "when,a,b,label\n2024-01-01,0,7,0\n2024-01-02,1,8,1\n2024-01-03,4,2,0\n2024-01-04,9,1,1\n",
        )],
        "--embeddings t.csv --drop when,2",
        Loss(1.5),
    ),
    (
        "dates as features",
        &[("t.csv", "when,a,label\n2024-01-01,0,0\n2024-01-02,1,1\n")],
        "--embeddings t.csv",
        Error(&["\"when\" holds dates", "--drop when"]),
    ),
    (
        "text as features",
        &[("t.csv", "name,a,label\nann,0,0\nbob,1,1\n")],
        "--embeddings t.csv",
        Error(&["\"name\" holds text", "--drop name"]),
    ),
    (
        "an unknown column",
        &[("t.csv", "a,label\n0,0\n1,1\n")],
        "--embeddings t.csv --drop b",
        Error(&["no column \"b\"", "a, label"]),
    ),
    (
        "a row number without a name",
        &[("x.csv", "0,0.5\n1,1.5\n2,4.5\n3,9.5\n"), Y],
        XY,
        Error(&["x.csv", "column 0 counts the rows", "--drop 0", "--keep 0"]),
    ),
    (
        "the same, dropped",
        &[("x.csv", "0,0.5\n1,1.5\n2,4.5\n3,9.5\n"), Y],
        "--embeddings x.csv --labels y.csv --drop 0",
        Loss(1.5),
    ),
    (
        "bools as features",
        &[("t.csv", "a,b,label\n0,true,0\n1,true,1\n4,true,0\n9,true,1\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "an empty field",
        &[("t.csv", "a,b,label\n0,1,0\n1,,1\n")],
        "--embeddings t.csv",
        Error(&["line 3, field 2", "is empty"]),
    ),
    (
        "an integer that f32 does not hold",
        &[("t.csv", "a,label\n16777217,0\n1,1\n")],
        "--embeddings t.csv",
        Error(&["line 2, field 1", "16777217", "f32"]),
    ),
    // The label column.
    ("label first", &[("t.csv", "label,a\n0,0\n1,1\n0,4\n1,9\n")], "--embeddings t.csv", Loss(1.5)),
    (
        "label by its number",
        &[("t.csv", "0,0.5\n1,1.5\n0,4.5\n1,9.5\n")],
        "--embeddings t.csv --label-column 0",
        Loss(1.5),
    ),
    (
        "label by its number from the end",
        &[("t.csv", "0.5,0\n1.5,1\n4.5,0\n9.5,1\n")],
        "--embeddings t.csv --label-column -1",
        Loss(1.5),
    ),
    (
        "label by another name",
        &[("t.csv", "a,Species\n0,cat\n1,dog\n4,cat\n9,dog\n")],
        "--embeddings t.csv --label-column species",
        Loss(1.5),
    ),
    (
        "two labels",
        &[("t.csv", "a,class,target\n0,0,0\n1,1,0\n")],
        "--embeddings t.csv",
        Error(&["\"class\" and \"target\"", "--label-column class"]),
    ),
    (
        "two labels, one chosen",
        &[("t.csv", "a,class,target\n0,0,7\n1,1,8\n4,0,9\n9,1,5\n")],
        "--embeddings t.csv --label-column class",
        Loss(1.5),
    ),
    (
        "no label",
        &[("t.csv", "a,b\n0,0\n1,1\n")],
        "--embeddings t.csv",
        Error(&["no column is called label", "a, b", "--label-column"]),
    ),
    (
        "no label and no header",
        &[("t.csv", "0.5,7\n1.5,9\n")],
        "--embeddings t.csv",
        Error(&["t.csv", "--labels", "--label-column"]),
    ),
    ("coordinates", &[("t.csv", "x,y,label\n0,0,0\n1,0,1\n4,0,0\n9,0,1\n")], "--embeddings t.csv", Loss(1.5)),
    // Separators.
    ("semicolons", &[("t.csv", "a;b;label\n0;0;0\n1;0;1\n4;0;0\n9;0;1\n")], "--embeddings t.csv", Loss(1.5)),
    (
        "tabs",
        &[("t.tsv", "a\tlabel\n0\tred one\n1\tgreen one\n4\tred one\n9\tgreen one\n")],
        "--embeddings t.tsv",
        Loss(1.5),
    ),
    ("pipes", &[("t.txt", "a|label\n0|0\n1|1\n4|0\n9|1\n")], "--embeddings t.txt", Loss(1.5)),
    (
        "runs of spaces",
        &[("t.txt", "# a label\n  0.0   0\n  1.0   1\n\n  4.0   0\n  9.0   1\n")],
        "--embeddings t.txt",
        Loss(1.5),
    ),
    (
        "savetxt",
        &[("x.txt", "0.0 1\n1.0 1\n4.0 1\n9.0 1\n"), Y],
        "--embeddings x.txt --labels y.csv",
        Loss(1.5),
    ),
    (
        "another separator",
        &[("t.csv", "a:label\n0:0\n1:1\n4:0\n9:1\n")],
        "--embeddings t.csv --separator :",
        Loss(1.5),
    ),
    (
        "crlf and a byte order mark",
        &[("t.csv", "\u{feff}label,a\r\n0,0\r\n1,1\r\n0,4\r\n1,9\r\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "quotes",
        &[("t.csv", "\"label\",\"a\"\n\"x, y\",\"0\"\n\"z\",\"1\"\n\"x, y\",\"4\"\n\"z\",\"9\"\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "decimal commas",
        &[("t.csv", "a;label\n0,5;0\n1,5;1\n")],
        "--embeddings t.csv",
        Error(&["decimal commas", "0,5"]),
    ),
    (
        "decimal commas as pandas writes them",
        &[("t.csv", "a;species\n0,5;cat\n-1,25;dog\n")],
        "--embeddings t.csv --label-column species",
        Error(&["decimal commas", "0,5"]),
    ),
    (
        "decimal commas, with a separator",
        &[("t.csv", "a;species\n0,5;cat\n-1,25;dog\n")],
        "--embeddings t.csv --label-column species --separator ;",
        Error(&["\"a\"", "decimal commas"]),
    ),
    (
        "two separators",
        &[("t.csv", "a,b;c\nd,e;f\n")],
        "--embeddings t.csv",
        Error(&["--separator comma", "--separator semicolon"]),
    ),
    (
        "a wrong separator",
        &[("t.csv", "a;label\n0;0\n1\n")],
        "--embeddings t.csv",
        Error(&["line 3 has 1 field", "semicolon", "--separator"]),
    ),
    (
        "a quote left open",
        &[("t.csv", "a,label\n0,\"x\n1,y\n")],
        "--embeddings t.csv",
        Error(&["line 2", "quote"]),
    ),
    // Names of numbers beside a label's name.
    (
        "numbers and a label's name over text",
        &[("t.csv", "0,1,label\n0.0,0.5,cat\n1.0,0.5,dog\n4.0,0.5,cat\n9.0,0.5,dog\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "the label first",
        &[("t.csv", "label,0,1\ncat,0.0,0.5\ndog,1.0,0.5\ncat,4.0,0.5\ndog,9.0,0.5\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "over bools",
        &[("t.csv", "0,1,label\n0.0,0.5,true\n1.0,0.5,false\n4.0,0.5,true\n9.0,0.5,false\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "over dates",
        &[("t.csv", "0,1,label\n0.0,5,2024-01-01\n1.0,5,2024-01-02\n4.0,5,2024-01-01\n9.0,5,2024-01-02\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "years and a label's name",
        &[("t.csv", "2019,2020,label\n0.0,0.5,cat\n1.0,0.5,dog\n4.0,0.5,cat\n9.0,0.5,dog\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "years and a label's name over integers",
        &[("t.csv", "2019,2020,label\n0,5,3\n1,5,4\n4,5,3\n9,5,4\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "decimals and a label's name",
        &[("t.csv", "0.1,0.2,label\n0.0,0.5,cat\n1.0,0.5,dog\n4.0,0.5,cat\n9.0,0.5,dog\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "numbers that count and another name",
        &[("t.csv", "0,1,species\n0.0,0.5,cat\n1.0,0.5,dog\n4.0,0.5,cat\n9.0,0.5,dog\n")],
        "--embeddings t.csv --label-column species",
        Loss(1.5),
    ),
    (
        "decimals and another word",
        &[("t.csv", "0.1,0.2,species\n0.0,0.5,cat\n1.0,0.5,dog\n4.0,0.5,cat\n9.0,0.5,dog\n")],
        "--embeddings t.csv --label-column 2",
        Error(&["species", "--header", "--no-header"]),
    ),
    (
        "names of files, numbers, a label's name",
        &[(
            "t.csv",
            "filename,0,1,label\na.png,0.0,0.5,cat\nb.png,1.0,0.5,dog\nc.png,4.0,0.5,cat\nd.png,9.0,0.5,dog\n",
        )],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "a first row whose class comes again",
        &[("t.csv", "0,1,y\n1,1,n\n4,1,y\n9,1,n\n")],
        "--embeddings t.csv --label-column 2",
        Loss(1.5),
    ),
    // Values that are missing.
    ("NA", &[X, ("y.csv", "1\nNA\n1\n2\n")], XY, Error(&["line 2", "NA", "missing", "another word"])),
    ("NA first", &[X, ("y.csv", "NA\n1\n1\n2\n")], XY, Error(&["y.csv", "NA"])),
    ("N/A among text", &[X, ("y.csv", "cat\nN/A\ncat\ndog\n")], XY, Error(&["line 2", "N/A", "missing"])),
    (
        "#N/A as Excel writes it",
        &[("t.csv", "a,label\n0,1\n1,#N/A\n4,1\n")],
        "--embeddings t.csv",
        Error(&["line 3", "#N/A"]),
    ),
    ("null", &[X, ("y.csv", "cat\nnull\ncat\ndog\n")], XY, Error(&["line 2", "null"])),
    ("NULL", &[X, ("y.csv", "1\nNULL\n1\n2\n")], XY, Error(&["line 2", "NULL"])),
    ("None", &[X, ("y.csv", "cat\nNone\ncat\ndog\n")], XY, Error(&["line 2", "None"])),
    ("<NA>", &[X, ("y.csv", "1\n<NA>\n1\n2\n")], XY, Error(&["line 2", "<NA>"])),
    ("NaT", &[X, ("y.csv", "2024-01-01\nNaT\n2024-01-01\n2024-01-02\n")], XY, Error(&["line 2", "NaT"])),
    (
        "a question mark among numbers",
        &[X, ("y.csv", "1\n?\n1\n2\n")],
        XY,
        Error(&["line 2", "\"?\"", "missing"]),
    ),
    ("none among numbers", &[X, ("y.csv", "1\nnone\n1\n2\n")], XY, Error(&["line 2", "\"none\""])),
    ("\\N among bools", &[X, ("y.csv", "true\n\\N\ntrue\nfalse\n")], XY, Error(&["line 2", "N", "missing"])),
    ("none among words", &[X, ("y.csv", "none\ncat\nnone\ncat\n")], XY, Loss(1.5)),
    ("a question mark among words", &[X, ("y.csv", "?\ncat\n?\ncat\n")], XY, Loss(1.5)),
    ("quotes around nothing", &[X, ("y.csv", "cat\n\"\"\ncat\ndog\n")], XY, Error(&["line 2", "empty"])),
    (
        "a comment after a label",
        &[X, ("y.csv", "1\n2 # sure\n1\n2\n")],
        "--embeddings x.csv --labels y.csv --separator comma",
        Error(&["line 2", "comment"]),
    ),
    // Rows that do not agree are no reason to take a row for names.
    (
        "a row too few",
        &[("x.csv", "0.5\n1.5\n4.5\n"), ("y.csv", "cat\ndog\ncat\ndog\n")],
        XY,
        Error(&["4", "3"]),
    ),
    (
        "a row too few, integers",
        &[("x.csv", "0.5\n1.5\n4.5\n"), ("y.csv", "0\n1\n2\n3\n")],
        XY,
        Error(&["y.csv", "--header=labels"]),
    ),
    (
        "a row too few, a class that is called as a label",
        &[("x.csv", "0.5\n1.5\n4.5\n"), ("y.csv", "y\nn\ny\nn\n")],
        XY,
        Error(&["4", "3"]),
    ),
    ("a class that is called as a label", &[X, ("y.csv", "y\nn\ny\nn\n")], XY, Loss(1.5)),
    // Indices and ids.
    (
        "an index of two levels",
        &[("t.csv", ",,a,label\nu,0,0,0\nu,1,1,1\nv,0,4,0\nv,1,9,1\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "levels with names",
        &[("t.csv", "level_0,level_1,a,label\n5,0,0,0\n5,1,1,1\n6,0,4,0\n6,1,9,1\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "a second level of floats",
        &[("t.csv", ",,a,label\nu,0.5,0,0\nu,1.5,1,1\n")],
        "--embeddings t.csv",
        Error(&["column 1", "--drop 1", "--keep 1"]),
    ),
    (
        "ids of a merge",
        &[("t.csv", "id_x,id_y,id.1,a,label\n5,7,2,0,0\n5,2,3,1,1\n6,3,1,4,0\n6,4,9,9,1\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "names of rows",
        &[(
            "t.csv",
            "row_nr,rownames,row.names,rn,...1,a,label\n5,7,2,0,3,0,0\n5,2,3,1,2,1,1\n6,3,1,4,7,4,0\n6,4,9,9,1,9,1\n",
        )],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "the label again",
        &[(
            "t.csv",
            "a,label,label.1,label_x,label_encoded,y_true,class.1\n0,0,7,1,2,3,4\n1,1,8,2,3,4,5\n4,0,7,2,3,4,5\n9,1,8,1,2,3,4\n",
        )],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "the label again, labels elsewhere",
        &[("x.csv", "a,label_encoded\n0,7\n1,8\n4,7\n9,8\n"), Y],
        XY,
        Loss(1.5),
    ),
    (
        "the label again, kept",
        &[("t.csv", "a,label,label_x\n0,0,3\n1,1,3\n4,0,3\n9,1,3\n")],
        "--embeddings t.csv --keep label_x",
        Loss(1.5),
    ),
    (
        "ids in one order",
        &[("x.csv", "id,a\n7,0\n3,1\n9,4\n1,9\n"), ("y.csv", "ID,label\n7,0\n3,1\n9,0\n1,1\n")],
        XY,
        Loss(1.5),
    ),
    (
        "ids in another order",
        &[("x.csv", "id,a\n7,0\n3,1\n9,4\n1,9\n"), ("y.csv", "id,label\n1,1\n3,1\n7,0\n9,0\n")],
        XY,
        Error(&["another order", "row 0", "\"7\"", "\"1\"", "sort both", "--drop id"]),
    ),
    (
        "ids in another order, dropped",
        &[("x.csv", "id,a\n7,0\n3,1\n9,4\n1,9\n"), ("y.csv", "id,label\n1,0\n3,1\n7,0\n9,1\n")],
        "--embeddings x.csv --labels y.csv --drop id",
        Loss(1.5),
    ),
    // Row numbers of any kind.
    (
        "decimals that count",
        &[(
            "t.csv",
            "n,a,label\n1000.0,0,0\n1001.0,1,1\n1002.0,4,0\n1003.0,9,1\n1004.0,5,0\n1005.0,5,0\n1006.0,5,0\n1007.0,5,0\n",
        )],
        "--embeddings t.csv",
        Error(&["\"n\" counts the rows", "--drop n", "--keep n"]),
    ),
    (
        "a column that counts down",
        &[("t.csv", "a,n,label\n0,18,0\n1,17,1\n4,16,0\n9,15,1\n5,14,0\n5,13,0\n5,12,0\n5,11,0\n")],
        "--embeddings t.csv",
        Error(&["\"n\" counts the rows", "--drop n"]),
    ),
    (
        "a last column without a name that counts",
        &[
            ("x.csv", "0.5,7\n1.5,8\n4.5,9\n9.5,10\n5.5,11\n5.5,12\n5.5,13\n5.5,14\n"),
            ("y.csv", "0\n1\n0\n1\n0\n0\n0\n0\n"),
        ],
        XY,
        Error(&["column 1 counts the rows", "--drop 1", "--keep 1"]),
    ),
    (
        "seven rows are too few to tell",
        &[("t.csv", "n,a,label\n5,0,0\n6,1,1\n7,4,0\n8,9,1\n")],
        "--embeddings t.csv --drop n",
        Loss(1.5),
    ),
    // Coordinates and a class.
    (
        "y beside x is no label",
        &[("t.csv", "x,y,cluster\n0,0,0\n1,0,1\n4,0,0\n9,0,1\n")],
        "--embeddings t.csv",
        Error(&["--label-column", "x, y, cluster", "coordinate"]),
    ),
    (
        "coordinates in space",
        &[("t.csv", "x,y,z\n0,0,0\n1,0,1\n")],
        "--embeddings t.csv",
        Error(&["--label-column", "x, y, z"]),
    ),
    (
        "y beside x, chosen",
        &[("t.csv", "x,y\n0,0\n1,1\n4,0\n9,1\n")],
        "--embeddings t.csv --label-column y",
        Loss(1.5),
    ),
    // Comments above numbers.
    (
        "a sentence of as many words",
        &[("t.txt", "# with the label\n0.0 0.5 0\n1.0 0.5 1\n4.0 0.5 0\n9.0 0.5 1\n")],
        "--embeddings t.txt",
        Error(&["t.txt", "sentence", "--label-column"]),
    ),
    (
        "a label's name inside",
        &[("t.txt", "# my class values\n0.0 0.5 0\n1.0 0.5 1\n4.0 0.5 0\n9.0 0.5 1\n")],
        "--embeddings t.txt",
        Error(&["sentence", "--label-column"]),
    ),
    (
        "the same, decided",
        &[("t.txt", "# with the label\n0.0 0.5 0\n1.0 0.5 1\n4.0 0.5 0\n9.0 0.5 1\n")],
        "--embeddings t.txt --label-column 2",
        Loss(1.5),
    ),
    // Headers as other programs write them.
    (
        "a name with a line break",
        &[("t.csv", "\"a\nof it\",label\n0,0\n1,1\n4,0\n9,1\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "write.table of R",
        &[("t.txt", "\"a\" \"label\"\n\"1\" 0 \"x\"\n\"2\" 1 \"y\"\n\"3\" 4 \"x\"\n\"4\" 9 \"y\"\n")],
        "--embeddings t.txt",
        Loss(1.5),
    ),
    (
        "write.table of R with commas",
        &[("t.csv", "a,label\nr1,0,x\nr2,1,y\nr3,4,x\nr4,9,y\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    (
        "the separator that Excel states",
        &[("t.csv", "sep=;\r\na;label\r\n0;x, y\r\n1;z\r\n4;x, y\r\n9;z\r\n")],
        "--embeddings t.csv",
        Loss(1.5),
    ),
    ("names alone", &[("t.csv", "a,label\n"), Y], "--embeddings t.csv", Error(&["t.csv", "holds no rows"])),
    // Advice that can be followed.
    (
        "text in a column without a name",
        &[("t.csv", "a,,label\n0,u,0\n1,v,1\n")],
        "--embeddings t.csv",
        Error(&["column 1 holds text", "--drop 1,"]),
    ),
    (
        "the same where a column is called 1",
        &[("t.csv", "1,,label\n0,u,0\n1,v,1\n")],
        "--embeddings t.csv",
        Error(&["column 1 holds text", "--drop -2"]),
    ),
    (
        "the same, followed",
        &[("t.csv", "1,,label\n0,u,0\n1,v,1\n4,w,0\n9,u,1\n")],
        "--embeddings t.csv --drop -2",
        Loss(1.5),
    ),
    (
        "a label that looks like an id",
        &[("t.csv", "a,class_id\n0,0\n1,1\n")],
        "--embeddings t.csv",
        Error(&["--label-column with one of a, class_id"]),
    ),
    (
        "one column dropped and chosen",
        &[("t.csv", "a,label\n0,0\n1,1\n")],
        "--embeddings t.csv --drop 1 --label-column label",
        Error(&["--drop", "--label-column", "give one"]),
    ),
    (
        "nothing but labels",
        &[("t.csv", "label_x,label\n0,0\n1,1\n")],
        "--embeddings t.csv",
        Error(&["no column left", "label_x (another label)"]),
    ),
    (
        "one column dropped and kept",
        &[("t.csv", "a,label\n0,0\n1,1\n")],
        "--embeddings t.csv --drop 0 --keep a",
        Error(&["--drop", "--keep", "give one"]),
    ),
    // Decimals that f32 does not tell from each other.
    (
        "times in seconds",
        &[("t.csv", "t,label\n1700000000.25,0\n1700000001.5,1\n1700000002.25,0\n")],
        "--embeddings t.csv",
        Error(&["same f32", "--drop"]),
    ),
    (
        "a weight for all",
        &[X, Y, ("w.csv", "1\n")],
        "--embeddings x.csv --labels y.csv --weights w.csv",
        Loss(1.5),
    ),
    (
        "a weight for all, with a name",
        &[X, Y, ("w.csv", "weight\n1\n")],
        "--embeddings x.csv --labels y.csv --weights w.csv",
        Loss(1.5),
    ),
    // JSON lines.
    (
        "objects",
        &[(
            "t.jsonl",
            "{\"a\": 0, \"label\": \"x\"}\n{\"label\": \"y\", \"a\": 1}\n{\"a\": 4.0, \"label\": \"x\"}\n{\"a\": 9, \"label\": \"y\"}\n",
        )],
        "--embeddings t.jsonl",
        Loss(1.5),
    ),
    (
        "objects with arrays",
        &[(
            "t.jsonl",
            "{\"embedding\": [0, 1], \"text\": \"q\", \"label\": 3}\n{\"embedding\": [1, 1], \"text\": \"r\", \"label\": 4}\n{\"embedding\": [4, 1], \"text\": \"s\", \"label\": 3}\n{\"embedding\": [9, 1], \"text\": \"t\", \"label\": 4}\n",
        )],
        "--embeddings t.jsonl",
        Loss(1.5),
    ),
    (
        "a missing field",
        &[("t.jsonl", "{\"a\": 0, \"label\": 1}\n{\"label\": 2}\n")],
        "--embeddings t.jsonl",
        Error(&["row 1", "\"a\"", "missing"]),
    ),
    (
        "a field beyond 2^63",
        &[("t.jsonl", "{\"a\": 0, \"label\": 9223372036854775808}\n")],
        "--embeddings t.jsonl",
        Error(&["line 1", "2^63"]),
    ),
    (
        "a JSON array",
        &[("t.json", "[{\"a\": 0, \"label\": 1}]\n")],
        "--embeddings t.json",
        Error(&["JSON array", "lines=True"]),
    ),
    (
        "word vectors",
        &[("t.txt", "cat 0.5 1\ndog 0.25 2\nant 0.5 3\n"), ("y.csv", "5\n6\n5\n")],
        "--embeddings t.txt --labels y.csv",
        Error(&["holds text", "--drop 0"]),
    ),
    (
        "word2vec",
        &[("t.txt", "3 2\ncat 0.5 1\ndog 0.25 2\nant 0.5 3\n"), ("y.csv", "5\n6\n5\n")],
        "--embeddings t.txt --labels y.csv",
        Error(&["word2vec", "tail -n +2"]),
    ),
];

#[test]
fn every_kind_of_text_gives_its_value_or_a_refusal() {
    for (name, files, arguments, gives) in CASES {
        let bench = Bench::new();
        for (file, text) in *files {
            bench.write(file, text);
        }
        check(&bench, name, arguments, gives);
    }
}

fn check(bench: &Bench, name: &str, arguments: &str, gives: &Gives) {
    let run = bench.run(&format!("loss --distance l2 {arguments} --json"));
    match gives {
        Loss(expected) => {
            assert_eq!(run.code, Some(0), "{name}: {run:?}");
            let loss = run.json()["loss"].as_f64().unwrap();
            assert!((loss - expected).abs() < 1e-6, "{name}: {loss} is not {expected}: {run:?}");
            assert!(run.stderr.starts_with("read "), "{name}: {run:?}");
        }
        Error(fragments) => {
            assert_eq!(run.code, Some(2), "{name}: {run:?}");
            assert_eq!(run.stderr.lines().count(), 1, "{name}: {run:?}");
            for fragment in *fragments {
                assert!(run.stderr.contains(fragment), "{name}: {fragment:?} is not in {}", run.stderr);
            }
        }
    }
}

#[test]
fn arrays_carry_labels_of_every_type() {
    let bench = Bench::new();
    let x = arr2(&[[0.0_f32], [1.0], [4.0], [9.0]]);
    bench.npy("x.npy", &x);
    bench.npy("bool.npy", &arr1(&[true, false, true, false]));
    bench.write("text.npy", npy("<U3", "(4,)", &utf32(&["cat", "dog", "cat", "dog"], 3)));
    bench.write("bytes.npy", npy("|S3", "(4,)", b"catdogcatdog"));
    bench.write("big.npy", npy("<u8", "(4,)", &[1, 1 << 63, 1, 2_u64].map(u64::to_le_bytes).concat()));
    bench.write("object.npy", npy("|O", "(4,)", b""));
    bench.npy("f32.npy", &arr1(&[1.0_f32, 2.0, 1.0, 2.0]));
    bench.npy("f32-edge.npy", &arr1(&[16_777_215.0_f32, 16_777_216.0, 1.0, 2.0]));
    bench.npy("f64.npy", &arr1(&[16_777_216.0_f64, 16_777_217.0, 16_777_216.0, 16_777_217.0]));
    bench.npy("f64-edge.npy", &arr1(&[0.0_f64, 9_007_199_254_740_992.0, 1.0, 2.0]));
    let half = |value: f32| half::f16::from_f32(value).to_le_bytes();
    bench.write("f16-edge.npy", npy("<f2", "(4,)", &[0.0, 2048.0, 1.0, 2.0].map(half).concat()));
    bench.write("f16.npy", npy("<f2", "(4,)", &[5.0, 2047.0, 5.0, 2047.0].map(half).concat()));
    let mut npz = NpzWriter::new_compressed(File::create(bench.path("b.npz")).unwrap());
    npz.add_array("embeddings", &x).unwrap();
    npz.add_array("labels", &Array1::from(vec![3_i16, 4, 3, 4])).unwrap();
    npz.finish().unwrap();
    for (labels, gives) in [
        ("bool.npy", Loss(1.5)),
        ("text.npy", Loss(1.5)),
        ("bytes.npy", Loss(1.5)),
        ("f32.npy", Loss(1.5)),
        ("f64.npy", Loss(1.5)),
        ("f16.npy", Loss(1.5)),
        ("b.npz", Loss(1.5)),
        ("big.npy", Error(&["row 1", "2^63"])),
        ("object.npy", Error(&["object array", "astype(str)"])),
        ("f32-edge.npy", Error(&["row 1", "16777216", "f32"])),
        ("f64-edge.npy", Error(&["row 1", "9007199254740992", "f64"])),
        ("f16-edge.npy", Error(&["row 1", "2048", "f16"])),
    ] {
        check(&bench, labels, &format!("--embeddings x.npy --labels {labels}"), &gives);
    }
    check(&bench, "an archive with both", "--embeddings b.npz", &Loss(1.5));
    for flag in ["--drop 0", "--label-column 0"] {
        let error = Error(&["--drop, --keep and --label-column are for columns"]);
        check(&bench, flag, &format!("--embeddings b.npz {flag}"), &error);
    }
    for (name, other) in [("data", "digit"), ("x", "species")] {
        let file = format!("{name}.npz");
        let mut npz = NpzWriter::new_compressed(File::create(bench.path(&file)).unwrap());
        npz.add_array(name, &arr2(&[[0.0_f32, 0.0], [1.0, 1.0], [4.0, 0.0], [9.0, 1.0]])).unwrap();
        npz.add_array(other, &Array1::from(vec![3_i16, 4, 3, 4])).unwrap();
        npz.finish().unwrap();
        let run = bench.run(&format!("train --data {file} --epochs 1 --out o"));
        let advice = format!("--labels {file}:{other}");
        assert!(run.code == Some(2) && run.stderr.contains(&advice), "{run:?}");
        check(&bench, &file, &format!("--embeddings {file} --labels {file}:{other} --drop 1"), &Loss(1.5));
        check(&bench, &file, &format!("--embeddings {file} --label-column 1"), &Loss(1.5));
    }
    for (word, fragment) in [("nan", "missing"), ("None", "missing"), ("", "empty"), ("NaT", "missing")] {
        bench.write("missing.npy", npy("<U4", "(4,)", &utf32(&["cat", word, "cat", "dog"], 4)));
        let error: &'static [&'static str] = Box::leak(Box::new(["row 1", fragment]));
        check(&bench, word, "--embeddings x.npy --labels missing.npy", &Error(error));
    }
    bench.write("long.csv", format!("cat\n{}\ncat\ndog\n", "x".repeat(1001)));
    check(
        &bench,
        "a long label",
        "--embeddings x.npy --labels long.csv",
        &Error(&["line 2", "1000 characters"]),
    );
    bench.write("edge.csv", format!("cat\n{0}\ncat\n{0}\n", "x".repeat(1000)));
    check(&bench, "a label of 1000", "--embeddings x.npy --labels edge.csv", &Loss(1.5));
    let counted = |at: usize| {
        Array2::from_shape_fn((8, 2), |(row, column)| if column == at { 100.0 + row as f32 } else { 0.5 })
    };
    bench.npy("eight.npy", &arr1(&[0_i64, 1, 0, 1, 0, 1, 0, 1]));
    bench.npy("first.npy", &counted(0));
    bench.npy("last.npy", &counted(1).mapv(f64::from));
    for (file, fragments) in [
        ("first.npy", &["column 0 counts the rows", "--drop 0", "--keep 0"]),
        ("last.npy", &["column 1 counts the rows", "--drop 1", "--keep 1"]),
    ] {
        check(&bench, file, &format!("--embeddings {file} --labels eight.npy"), &Error(fragments));
    }
    check(&bench, "kept", "--embeddings first.npy --labels eight.npy --keep 0", &Loss(1.0 / 3.0));
    let mut npz = NpzWriter::new_compressed(File::create(bench.path("counted.npz")).unwrap());
    npz.add_array("x", &counted(0)).unwrap();
    npz.add_array("y", &Array1::from(vec![0_i64, 1, 0, 1, 0, 1, 0, 1])).unwrap();
    npz.finish().unwrap();
    check(&bench, "an archive that counts", "--embeddings counted.npz", &Error(&["column 0", "--keep 0"]));
    check(&bench, "an archive that counts, kept", "--embeddings counted.npz --keep 0", &Loss(1.0 / 3.0));
    check(
        &bench,
        "a column for an array",
        "--embeddings x.npy --labels f32.npy --label-column 0",
        &Error(&["f32.npy", "--label-column"]),
    );
    check(&bench, "no labels at all", "--embeddings x.npy", &Error(&["x.npy", "--labels FILE"]));
}

/// An npy file with text and all.
fn npy(descriptor: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descriptor}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    bytes
}

fn utf32(texts: &[&str], width: usize) -> Vec<u8> {
    let codes =
        texts.iter().flat_map(|text| text.chars().map(u32::from).chain(std::iter::repeat(0)).take(width));
    codes.flat_map(u32::to_le_bytes).collect()
}

fn parquet(bench: &Bench, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(bench.path(name)).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_has_columns_of_many_types() {
    let bench = Bench::new();
    let a = || Arc::new(Float64Array::from(vec![0.0, 1.0, 4.0, 9.0])) as ArrayRef;
    let text = || Arc::new(StringArray::from(vec!["cat", "dog", "cat", "dog"])) as ArrayRef;
    let category: DictionaryArray<Int32Type> = vec!["cat", "dog", "cat", "dog"].into_iter().collect();
    let lists = FixedSizeListArray::try_new(
        Arc::new(Field::new_list_field(DataType::Float32, true)),
        2,
        Arc::new(Float32Array::from(vec![0.0, 1.0, 1.0, 1.0, 4.0, 1.0, 9.0, 1.0])),
        None,
    )
    .unwrap();
    let ids = || Arc::new(Int64Array::from(vec![7, 3, 1, 9])) as ArrayRef;
    parquet(&bench, "text.parquet", vec![("a", a()), ("label", text())]);
    parquet(&bench, "category.parquet", vec![("label", Arc::new(category)), ("id", ids()), ("a", a())]);
    parquet(&bench, "lists.parquet", vec![("emb", Arc::new(lists)), ("note", text()), ("target", ids())]);
    parquet(&bench, "index.parquet", vec![("a", a()), ("label", text()), ("__index_level_0__", ids())]);
    let holes = Arc::new(Float64Array::from(vec![Some(0.0), None, Some(4.0), Some(9.0)])) as ArrayRef;
    parquet(&bench, "holes.parquet", vec![("a", holes), ("label", text())]);
    let large = Arc::new(UInt64Array::from(vec![1, 1 << 63, 1, 2])) as ArrayRef;
    parquet(&bench, "large.parquet", vec![("a", a()), ("label", large)]);
    let hashes = Arc::new(UInt64Array::from(vec![1, 1 << 63, 3, u64::MAX])) as ArrayRef;
    parquet(&bench, "hashes.parquet", vec![("key", hashes), ("a", a()), ("label", text())]);
    let big = Arc::new(Int64Array::from(vec![
        9_007_199_254_740_992,
        9_007_199_254_740_993,
        9_007_199_254_740_992,
        9_007_199_254_740_993,
    ]));
    parquet(&bench, "big.parquet", vec![("a", a()), ("label", big as ArrayRef)]);
    // An index of pandas with a name.
    let indexed = |file: &str, name: &str| {
        let batch = RecordBatch::try_from_iter(vec![("a", a()), ("note", ids()), (name, ids())]).unwrap();
        let pandas = format!("{{\"index_columns\": [\"{name}\"]}}");
        let schema = (*batch.schema()).clone().with_metadata([("pandas".to_owned(), pandas)]);
        let batch = batch.with_schema(Arc::new(schema)).unwrap();
        let mut writer =
            ArrowWriter::try_new(File::create(bench.path(file)).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    indexed("label-index.parquet", "label");
    indexed("city-index.parquet", "city");
    let zoned = arrow_array::TimestampMicrosecondArray::from(vec![1, 2, 3, 4]).with_timezone("Europe/Berlin");
    parquet(&bench, "zoned.parquet", vec![("when", Arc::new(zoned)), ("a", a()), ("label", text())]);
    let count = |from: i32, n: i32| Arc::new(Float64Array::from_iter_values((from..from + n).map(f64::from)));
    let eight = || Arc::new(StringArray::from(["cat", "dog"].repeat(4))) as ArrayRef;
    let other = Arc::new(Float32Array::from(vec![0.5_f32, 1.5, 0.5, 9.5, 2.5, 7.5, 3.5, 1.5])) as ArrayRef;
    parquet(&bench, "counted.parquet", vec![("a", other), ("n", count(1000, 8)), ("label", eight())]);
    let long = Arc::new(Int64Array::from(vec![0, 1, 1 << 53 | 1, 3]));
    let lists =
        FixedSizeListArray::try_new(Arc::new(Field::new_list_field(DataType::Int64, true)), 1, long, None)
            .unwrap();
    parquet(&bench, "long.parquet", vec![("emb", Arc::new(lists)), ("label", text())]);
    let seconds = Float64Array::from(vec![1.7e9, 1.7e9 + 1.0, 1.7e9 + 2.0, 1.7e9 + 9.0]);
    parquet(&bench, "seconds.parquet", vec![("t", Arc::new(seconds)), ("label", text())]);
    bench.write("y.csv", "0\n1\n0\n1\n");
    for (file, gives) in [
        ("label-index.parquet --drop note", Loss(0.0)),
        ("label-index.parquet --drop note --labels y.csv", Loss(1.5)),
        ("city-index.parquet --label-column note", Loss(0.0)),
        ("zoned.parquet", Error(&["\"when\" holds dates or times", "--drop when"])),
        ("zoned.parquet --drop when", Loss(1.5)),
        ("counted.parquet", Error(&["\"n\" counts the rows", "--drop n"])),
        ("long.parquet", Error(&["9007199254740993", "row 2"])),
        ("text.parquet", Loss(1.5)),
        ("category.parquet", Loss(1.5)),
        ("index.parquet", Loss(1.5)),
        ("big.parquet", Loss(1.5)),
        ("lists.parquet", Loss(0.0)),
        ("lists.parquet --labels y.csv", Loss(1.5)),
        ("holes.parquet", Error(&["row 1", "\"a\"", "missing"])),
        ("large.parquet", Error(&["row 1", "2^63"])),
        ("hashes.parquet", Loss(1.5)),
    ] {
        check(&bench, file, &format!("--embeddings {file}"), &gives);
    }
    let run = bench.run("loss --embeddings city-index.parquet --label-column note --json");
    assert!(run.stderr.contains("dropped \"city\" (pandas index)"), "{run:?}");
    let run = bench.run("train --data seconds.parquet --epochs 1 --out o");
    assert!(
        run.code == Some(2)
            && run.stderr.contains("column \"t\" holds")
            && run.stderr.contains("one number in f32"),
        "{run:?}"
    );
    let run = bench.run("loss --embeddings text.parquet --json");
    assert_eq!(run.json()["loss_bits"].as_str().unwrap().len(), 18, "f64 is computed in f64: {run:?}");
}

#[test]
fn what_was_understood_is_said_once_a_file() {
    let bench = Bench::new();
    bench.write("mine.csv", "Unnamed: 0,label,p0,p1\n0,cat,1,2\n1,dog,3,4\n2,cat,5,6\n3,cat,7,8\n");
    bench.write("w.csv", "weight\n16777217\n1\n1\n1\n");
    let run = bench.run("loss --embeddings mine.csv --weights w.csv --json");
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(
        lines,
        [
            "read mine.csv: 4 rows x 2 features (f32), labels from column \"label\": 2 classes, smallest \"dog\" (1 row), \
             largest \"cat\" (3 rows); header; dropped \"Unnamed: 0\" (pandas index)",
            "read w.csv: 4 rows (f64); header",
        ]
    );
    let json = run.json();
    assert_eq!(json["input"][0]["classes"], 2, "{json}");
    assert_eq!(json["input"][0]["smallest_class"]["class"], "dog");
    assert_eq!(json["input"][0]["dropped"][0]["column"], "Unnamed: 0");
    assert_eq!(json["input"][1]["rows"], 4);
}

/// Rows of the digits: 64 pixels and the label, as text.
fn digits() -> Vec<Vec<String>> {
    let bytes = include_bytes!("../data/digits.csv.gz");
    let mut text = String::new();
    GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| line.split(',').map(Into::into).collect()).collect()
}

/// Lines of a table with the label first and a header, as Kaggle's digits have.
fn label_first(separator: &str) -> String {
    let mut lines =
        vec![format!("label{}", (0..64).map(|i| format!("{separator}pixel{i}")).collect::<String>())];
    lines.extend(digits().iter().map(|row| format!("{}{separator}{}", row[64], row[..64].join(separator))));
    lines.join("\n") + "\n"
}

const NAMES: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

#[test]
fn the_digits_train_alike_from_every_kind_of_table() {
    let bench = Bench::new();
    let rows = digits();
    let plain: String = rows.iter().map(|row| row.join(",") + "\n").collect();
    bench.write("plain.csv", &plain);
    bench.write("kaggle.csv", label_first(","));
    bench.write("semicolon.csv", label_first(";"));
    bench.write("tabs.tsv", label_first("\t"));
    bench.write("savetxt.txt", format!("# {}", label_first("  ")));
    let indexed: Vec<String> = label_first(",")
        .lines()
        .enumerate()
        .map(|(i, line)| if i == 0 { format!(",{line}\n") } else { format!("{},{line}\n", i - 1) })
        .collect();
    bench.write("pandas.csv", indexed.concat());
    let mut gz = GzEncoder::new(File::create(bench.path("digits.csv.gz")).unwrap(), Compression::fast());
    gz.write_all(label_first(",").as_bytes()).unwrap();
    gz.finish().unwrap();
    let jsonl: String = rows
        .iter()
        .map(|row| format!("{{\"embedding\": [{}], \"target\": {}}}\n", row[..64].join(","), row[64]))
        .collect();
    bench.write("digits.jsonl", jsonl);
    let number = |row: &Vec<String>, i: usize| row[i].parse::<f32>().unwrap();
    let name = |row: &Vec<String>| NAMES[row[64].parse::<usize>().unwrap()];
    let names: StringArray = rows.iter().map(|row| Some(name(row))).collect();
    let mut columns: Vec<(String, ArrayRef)> = vec![("Label".into(), Arc::new(names))];
    for i in 0..64 {
        let pixels: Float32Array = rows.iter().map(|row| Some(number(row, i))).collect();
        columns.push((format!("p{i}"), Arc::new(pixels)));
    }
    let batch = RecordBatch::try_from_iter(columns.clone()).unwrap();
    parquet(
        &bench,
        "digits.parquet",
        columns.iter().map(|(name, array)| (name.as_str(), array.clone())).collect(),
    );
    let mut feather = arrow_ipc::writer::FileWriter::try_new(
        File::create(bench.path("digits.feather")).unwrap(),
        &batch.schema(),
    )
    .unwrap();
    feather.write(&batch).unwrap();
    feather.finish().unwrap();
    let mut stream = arrow_ipc::writer::StreamWriter::try_new(
        File::create(bench.path("digits.arrows")).unwrap(),
        &batch.schema(),
    )
    .unwrap();
    stream.write(&batch).unwrap();
    stream.finish().unwrap();
    let array = Array2::from_shape_fn((rows.len(), 65), |(row, column)| number(&rows[row], column));
    bench.npy("digits.npy", &array);

    let train = |data: &str| {
        let run = bench.run(&format!("train {data} --epochs 1 --quiet --json --out out"));
        assert_eq!(run.code, Some(0), "{data}: {run:?}");
        assert_eq!(run.stderr, "", "{data}");
        run.json()
    };
    let reference = train("");
    for file in [
        "plain.csv",
        "kaggle.csv",
        "semicolon.csv",
        "tabs.tsv",
        "savetxt.txt",
        "pandas.csv",
        "digits.csv.gz",
        "digits.jsonl",
        "digits.npy",
        "digits.arrows",
        "digits.feather",
        "digits.parquet",
    ] {
        let json = train(&format!("--data {file}"));
        for key in ["recall_at_1", "map_at_r", "raw_recall_at_1", "untrained_map_at_r", "training_rows"] {
            assert_eq!(json[key], reference[key], "{key} of {file}");
        }
        assert_eq!(json["input"][0]["features"], 64, "{file}");
    }
    // The last run was the table whose labels are text: they live on.
    let labels = std::fs::read(bench.path("out/labels.npy")).unwrap();
    assert!(String::from_utf8_lossy(&labels[..100]).contains("'<U5'"), "width of the longest name");
    let picture = std::fs::read_to_string(bench.path("out/embedding-after.svg")).unwrap();
    assert!(picture.contains("seven"), "classes have their names in the legend");
    let run = bench.run("loss --embeddings out/embeddings.npy --labels out/labels.npy --json");
    assert_eq!(run.json()["input"][1]["classes"], 10, "{run:?}");
}

#[test]
fn a_table_without_names_asks_where_two_columns_may_be_the_label() {
    let bench = Bench::new();
    let rows = |first: fn(i32) -> String, last: fn(i32) -> String| -> String {
        (0..40).map(|i| format!("{},{}.5,{}\n", first(i), i * 7 % 11, last(i))).collect()
    };
    let digit = |i: i32| (i % 4).to_string();
    let pixel = |i: i32| format!("{}.25", i % 7);
    let word = |i: i32| ["cat", "dog"][i as usize % 2].to_owned();
    for (first, last, fragment) in [
        (digit as fn(i32) -> String, digit as fn(i32) -> String, "column 0 or column 2"),
        (digit, pixel, "column 0 or column 2"),
        (word, word, "column 0 or column 2"),
    ] {
        bench.write("t.csv", rows(first, last));
        let run = bench.run("train --data t.csv --epochs 1 --out o --quiet");
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.contains(fragment) && run.stderr.contains("--label-column 0"), "{run:?}");
    }
    for (first, last, source) in
        [(word as fn(i32) -> String, pixel as fn(i32) -> String, "column 0"), (pixel, digit, "column 2")]
    {
        bench.write("t.csv", rows(first, last));
        let run = bench.run("train --data t.csv --epochs 1 --out o --quiet --json");
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.json()["input"][0]["label_source"].to_string().contains(source), "{run:?}");
    }
}
