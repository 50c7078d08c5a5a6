//! Good files to begin with.

use super::{
    forms::{Codec, Form, Separator},
    table::{Labels, Table},
};

fn small(double: bool, named: bool) -> Table {
    let (rows, features) = (9, 2);
    let value = |at: usize| (at * 7 % 11) as f64 * 0.5 - 1.0;
    let words = ["cat", "dog", "x;y"];
    Table {
        rows,
        features,
        double,
        values: (0..rows * features).map(value).collect(),
        labels: if named {
            Labels::Names((0..rows).map(|row| words[row % 3].to_owned()).collect())
        } else {
            Labels::Integers((0..rows as i64).map(|row| row % 3 - 1).collect())
        },
    }
}

fn written(forms: &[Form]) -> Vec<Vec<u8>> {
    let kinds = [(false, false), (false, true), (true, false), (true, true)];
    let tables = kinds.map(|(double, named)| small(double, named));
    let files = tables.iter().flat_map(|table| forms.iter().filter_map(|form| form.write(table)));
    files.flatten().map(|(_, bytes)| bytes).collect()
}

/// Text tables: separators, line ends, quotes, comments, and first lines of every kind.
pub(crate) fn text_seeds() -> Vec<Vec<u8>> {
    use Separator::{Comma, Pipe, Semicolon, Tab};
    let text = |separator, gz, crlf, quoted| Form::Text { separator, gz, crlf, quoted };
    let mut seeds = written(&[
        text(Comma, false, false, false),
        text(Semicolon, false, true, true),
        text(Tab, false, false, true),
        text(Pipe, false, true, false),
        text(Comma, true, false, false),
    ]);
    let others = [
        "0.5  1 cat\n 0.25 2 dog\n0.5 3  cat\n",
        "# x y label\n1.5 2.5 0\n1 2 1\n",
        "sep=;\n\"x\";\"label\"\n1,5;a\n",
        "\"x\" \"y\"\n\"1\" 0.5 a\n\"2\" 1.5 b\n\"3\" 2.5 a\n",
        "\u{feff}id,x,label\r7,0.5,a\r8,1e3,b\r9,-0.0,b\r",
        "x,label\n0.1,007\n0.2,7\n0.3,007\n",
        "x,when,label\n1,2024-05-31,true\n2,12:30,false\n",
        "a,b,label\n\"1\",\"2\n\",\"a \"\"b\"\"\"\n\n3,4,?\n",
        ",x,label\n0,1e400,1\n1,NaN,1e0\n2,inf,2\n",
        "1\n2\n1\n",
        "0,1,2\n5,5.5,1\n6,6.5,2\n",
    ];
    seeds.extend(others.map(|text| text.as_bytes().to_vec()));
    seeds
}

/// JSON lines: numbers, text, arrays, what is no row.
pub(crate) fn json_seeds() -> Vec<Vec<u8>> {
    let mut seeds = written(&[Form::Json { gz: false }, Form::Json { gz: true }]);
    let others = [
        "{\"x\": [1, 2.5], \"label\": \"a\"}\n{\"x\": [3, -0.0], \"label\": \"b\"}\n",
        "{\"label\": true, \"x\": 1}\n\n{\"x\": 2e-3, \"label\": false}",
        "{\"x\": 9223372036854775808, \"label\": 1}\n",
        "{\"x\": null, \"label\": \"\\u00e9\\n\"}\n{\"x\": 1}\n",
        "[{\"x\": 1}]",
        "{\"x\": {\"y\": [[1]]}, \"label\": 1, \"label\": 2}\n",
    ];
    seeds.extend(others.map(|text| text.as_bytes().to_vec()));
    seeds
}

/// npy of both orders with every label kind, npz and safetensors.
pub(crate) fn array_seeds() -> Vec<Vec<u8>> {
    written(&[
        Form::Npy { column_major: false },
        Form::Npy { column_major: true },
        Form::Npz { compressed: false },
        Form::Npz { compressed: true },
        Form::Safetensors,
    ])
}

/// Parquet and Arrow with every codec.
pub(crate) fn column_seeds() -> Vec<Vec<u8>> {
    let parquet = |codec, groups, version2, dictionary| Form::Parquet { codec, groups, version2, dictionary };
    written(&[
        parquet(Codec::None, false, false, true),
        parquet(Codec::Snappy, true, false, false),
        parquet(Codec::Zstd, false, true, false),
        parquet(Codec::Lz4, true, true, true),
        parquet(Codec::Gzip, false, false, true),
        Form::Arrow { stream: false, codec: Codec::None },
        Form::Arrow { stream: false, codec: Codec::Zstd },
        Form::Arrow { stream: true, codec: Codec::Lz4 },
        Form::Arrow { stream: true, codec: Codec::None },
    ])
}
