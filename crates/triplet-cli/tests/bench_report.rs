//! The page that `triplet bench --report` writes.

mod support;

use support::Bench;

fn page(arguments: &str) -> String {
    let bench = Bench::new();
    let run =
        bench.run(&format!("bench --dim 5 --per-class 4 --reps 1 --quiet {arguments} --report page.html"));
    assert_eq!(run.code, Some(0), "{run:?}");
    bench.read("page.html")
}

#[test]
fn it_needs_nothing_else_and_says_where_it_is_from() {
    let page = page("--batch 24,40");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    let foreign = page.replace("http://www.w3.org/2000/svg", "");
    for outside in ["http:", "https:", "<script", "<link", "@import", "url("] {
        assert!(!foreign.contains(outside), "the page refers to {outside}");
    }
    for part in [
        "name=\"viewport\"",
        "prefers-color-scheme:dark",
        "@media print",
        "class=\"scroll\"",
        "triplet bench --dim 5 --per-class 4",
        env!("CARGO_PKG_VERSION"),
        "fastest here",
        "How it was measured",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let date = page.split("<title>triplet bench, ").nth(1).unwrap();
    assert!(date.starts_with("20") && date[..20].ends_with('Z'), "{}", &date[..20]);
    assert_eq!(page.matches("<svg").count(), page.matches("viewBox=").count(), "pictures that cannot shrink");
    // Colours come from the style sheet alone, so that dark mode and print can change them.
    let pictures: String =
        page.split("<svg").skip(1).map(|rest| rest.split("</svg>").next().unwrap()).collect();
    assert!(!pictures.contains('#'), "a colour in a picture");
    assert!(
        pictures.contains("class=\"whisker\"") && pictures.contains("<title>simd"),
        "markers with whiskers"
    );
}

#[test]
fn threads_are_whole_numbers_on_an_axis_with_an_ideal() {
    let page = page("--batch 24,40 --threads 1,2 --backends par");
    let scaling =
        page.split("<h3>Scaling").nth(1).expect("a chart of threads").split("</figure>").next().unwrap();
    let below: Vec<&str> = scaling
        .split("<text class=\"tick\"")
        .skip(1)
        .filter(|tick| tick.contains("\"middle\""))
        .map(|tick| tick.split('>').nth(1).unwrap().split('<').next().unwrap())
        .collect();
    assert_eq!(below, ["1", "2"]);
    assert!(scaling.contains("class=\"guide\"") && scaling.contains("ideal"));
    assert!(!page.contains("Against the fastest product"), "no product was measured");
}

#[test]
fn one_batch_size_has_a_picture_too() {
    let page = page("--batch 24 --backends simd,gram");
    assert!(page.contains("<h3>Time: B = 24, D = 5, 4 rows a class</h3>"), "{page}");
    assert_eq!(page.matches("<svg").count(), 1);
}
