//! Reading a file of definitions.

use crate::{Benchmark, ElementType, Error, Result, Shape, Spread, engines};
use serde::Deserialize;
use std::{fmt::Display, path::Path, str::FromStr};
use triplet_api::{LossSpec, Objective};

/// A file: keys that all its benchmarks share, and the benchmarks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    shared: Keys,
    #[serde(default)]
    benchmark: Vec<Keys>,
}

/// The keys of a benchmark, each of which `[shared]` may give instead.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Keys {
    name: Option<String>,
    rows: Option<usize>,
    width: Option<usize>,
    rows_per_class: Option<usize>,
    classes: Option<usize>,
    seed: Option<u64>,
    rule: Option<String>,
    distance: Option<String>,
    margin: Option<f64>,
    reduction: Option<String>,
    element: Option<String>,
    gradient: Option<bool>,
    engines: Option<Vec<String>>,
    digest: Option<String>,
}

/// The benchmarks of a file; its stem is the first part of their names.
pub(crate) fn parse(file: &str, text: &str) -> Result<Vec<Benchmark>> {
    let File { shared, benchmark } = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start).min(text.len());
        let before = &text.as_bytes()[..start];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let source = text.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
        Error::Syntax { file: file.to_owned(), line, text: source, message: error.message().to_owned() }
    })?;
    let stem = Path::new(file).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
    let reader =
        |place: usize, benchmark: String| Reader { file, stem: &stem, shared: &shared, place, benchmark };
    if shared.name.is_some() || shared.digest.is_some() {
        let key = if shared.name.is_some() { "name" } else { "digest" };
        return Err(reader(0, "[shared]".to_owned()).wrong(key, "is each benchmark's own"));
    }
    if benchmark.is_empty() {
        return Err(reader(0, "the file".to_owned()).wrong("benchmark", "there is no [[benchmark]]"));
    }
    let numbered = benchmark.into_iter().enumerate();
    numbered.map(|(index, keys)| reader(index + 1, format!("benchmark {}", index + 1)).read(keys)).collect()
}

/// What the errors of one benchmark name.
struct Reader<'a> {
    file: &'a str,
    stem: &'a str,
    shared: &'a Keys,
    place: usize,
    benchmark: String,
}

impl Reader<'_> {
    fn wrong(&self, key: &'static str, message: impl Display) -> Error {
        let (file, benchmark) = (self.file.to_owned(), self.benchmark.clone());
        Error::Key { file, benchmark, key, message: message.to_string() }
    }

    /// A key's value, from the benchmark or from `[shared]`.
    fn given<T>(&self, key: &'static str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.wrong(key, "is neither here nor in [shared]"))
    }

    /// A name that the library knows.
    fn named<T: FromStr<Err: Display>>(&self, key: &'static str, name: Option<&String>) -> Result<T> {
        self.given(key, name)?.parse().map_err(|error| self.wrong(key, error))
    }

    fn read(mut self, keys: Keys) -> Result<Benchmark> {
        let shared = self.shared;
        let name = self.given("name", keys.name.as_ref())?;
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == ',') {
            return Err(self.wrong("name", format!("\"{name}\" is empty, or has spaces or commas")));
        }
        self.benchmark = format!("benchmark {} (\"{name}\")", self.place);
        let element = self.given("element", keys.element.as_ref().or(shared.element.as_ref()))?;
        let known = ElementType::ALL.into_iter().find(|it| it.name() == *element);
        let digest = keys.digest.as_ref().map(|digest| digest.parse());
        let margin = self.given("margin", keys.margin.or(shared.margin))?;
        if !margin.is_finite() {
            return Err(self.wrong("margin", format!("is {margin}: give a finite number")));
        }
        let benchmark = Benchmark {
            name: format!("{}/{name}", self.stem),
            shape: self.shape(&keys)?,
            seed: self.given("seed", keys.seed.or(shared.seed))?,
            spec: LossSpec {
                objective: Objective {
                    distance: self.named("distance", keys.distance.as_ref().or(shared.distance.as_ref()))?,
                    rule: self.named("rule", keys.rule.as_ref().or(shared.rule.as_ref()))?,
                    margin,
                },
                reduction: self.named("reduction", keys.reduction.as_ref().or(shared.reduction.as_ref()))?,
                require_positives: false,
            },
            element: known
                .ok_or_else(|| self.wrong("element", format!("unknown type \"{element}\": f32, f64")))?,
            gradient: self.given("gradient", keys.gradient.or(shared.gradient))?,
            engines: self.given("engines", keys.engines.or(shared.engines.clone()))?,
            digest: digest.transpose().map_err(|error: String| self.wrong("digest", error))?,
        };
        self.check_engines(&benchmark)?;
        Ok(benchmark)
    }

    fn shape(&self, keys: &Keys) -> Result<Shape> {
        let own = (keys.rows_per_class, keys.classes);
        let spread =
            match if own == (None, None) { (self.shared.rows_per_class, self.shared.classes) } else { own } {
                (Some(rows), None) => Spread::PerClass(rows),
                (None, Some(classes)) => Spread::Classes(classes),
                (Some(_), Some(_)) => return Err(self.wrong("classes", "give rows-per-class or classes")),
                (None, None) => return Err(self.wrong("rows-per-class", "is neither here nor in [shared]")),
            };
        let shape = Shape {
            rows: self.given("rows", keys.rows.or(self.shared.rows))?,
            width: self.given("width", keys.width.or(self.shared.width))?,
            spread,
        };
        let numbers = [("rows", shape.rows), ("width", shape.width), ("classes", spread.number())];
        match numbers.into_iter().find(|(_, number)| *number == 0) {
            Some((key, _)) => Err(self.wrong(key, "is 0: give at least 1")),
            None => Ok(shape),
        }
    }

    fn check_engines(&self, benchmark: &Benchmark) -> Result<()> {
        if benchmark.engines.is_empty() {
            return Err(self.wrong("engines", "names none"));
        }
        for name in &benchmark.engines {
            let Some(engine) = engines::find(name) else {
                return Err(self.wrong(
                    "engines",
                    format!("unknown engine \"{name}\": {}", engines::names().join(", ")),
                ));
            };
            if engine.kind != engines::Kind::Ours && !benchmark.is_usual() {
                let message =
                    format!("\"{name}\" computes another loss than this one ({})", benchmark.differences());
                return Err(self.wrong("engines", message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[shared]
width = 8
rows-per-class = 4
seed = 1
rule = "semi-hard"
distance = "squared-l2"
margin = 1.0
reduction = "mean"
element = "f32"
gradient = true
engines = ["simd", "torch sort"]

[[benchmark]]
name = "a"
rows = 32

[[benchmark]]
name = "b"
rows = 16
classes = 3
engines = ["par"]
"#;

    #[test]
    fn a_benchmark_s_own_keys_replace_shared_ones() {
        let [a, b] = &parse("some/where/these.toml", GOOD).unwrap()[..] else { panic!("two") };
        assert_eq!((a.name.as_str(), b.name.as_str()), ("these/a", "these/b"));
        assert_eq!(a.shape, Shape { rows: 32, width: 8, spread: Spread::PerClass(4) });
        assert_eq!(b.shape, Shape { rows: 16, width: 8, spread: Spread::Classes(3) });
        assert_eq!(a.engines, ["simd", "torch sort"]);
        assert_eq!(b.engines, ["par"]);
        assert!(a.is_usual() && a.digest.is_none());
    }

    #[test]
    fn errors_name_file_line_benchmark_and_key() {
        let cases = [
            ("seed = 1", "sed = 1", "f.toml, line 5 (sed = 1): unknown field `sed`"),
            ("rows = 32", "rows = \"x\"", "f.toml, line 16 (rows = \"x\"): invalid type: string \"x\""),
            ("rows = 32", "rows = -1", "line 16 (rows = -1)"),
            ("[shared]", "[shard]", "line 2 ([shard]): unknown field `shard`"),
            ("rows = 32", "rows = ", "line 16 (rows =)"),
            ("seed = 1\n", "", "f.toml, benchmark 1 (\"a\"): seed: is neither here nor in [shared]"),
            ("name = \"a\"\n", "", "f.toml, benchmark 1: name: is neither here"),
            ("\"a\"", "\"a b\"", "benchmark 1: name: \"a b\" is empty, or has spaces"),
            ("width = 8", "width = 0", "benchmark 1 (\"a\"): width: is 0"),
            ("rows-per-class = 4\n", "", "benchmark 1 (\"a\"): rows-per-class: is neither"),
            ("classes = 3", "classes = 3\nrows-per-class = 2", "benchmark 2 (\"b\"): classes: give rows-per"),
            ("\"squared-l2\"", "\"l3\"", "distance: unknown distance"),
            ("\"semi-hard\"", "\"harder\"", "rule: unknown rule"),
            ("\"mean\"", "\"median\"", "reduction: unknown reduction"),
            ("\"f32\"", "\"f16\"", "element: unknown type \"f16\": f32, f64"),
            ("1.0", "nan", "margin: is NaN"),
            ("\"torch sort\"", "\"torch short\"", "engines: unknown engine \"torch short\": scalar, gram"),
            ("\"f32\"", "\"f64\"", "\"torch sort\" computes another loss than this one (f64)"),
            ("[\"par\"]", "[]", "benchmark 2 (\"b\"): engines: names none"),
            ("rows = 32", "rows = 32\ndigest = \"12\"", "digest: \"12\" is no SHA-256"),
            ("seed = 1", "seed = 1\nname = \"x\"", "[shared]: name: is each benchmark's own"),
        ];
        for (good, bad, message) in cases {
            assert!(GOOD.contains(good), "{good}");
            let error = parse("f.toml", &GOOD.replacen(good, bad, 1)).unwrap_err().to_string();
            assert!(error.contains(message) && error.starts_with("f.toml, "), "{bad}: {error}");
        }
        let none = parse("f.toml", "[shared]\nseed = 1\n").unwrap_err().to_string();
        assert_eq!(none, "f.toml, the file: benchmark: there is no [[benchmark]]");
    }
}
