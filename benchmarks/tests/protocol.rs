//! The protocol of the engines in Python, with a Python of this machine and without any package.

use std::{
    io::Write,
    process::{Command, Stdio},
};
use triplet_benchmarks::engines;

/// Engines that need no package, served like the others.
const STAND_INS: &str = r#"
from triplet_bench.registry import RIVALS, Batch, Rival
from triplet_bench.protocol import serve

class Rows:
    shape = (4, 2)

def fail():
    raise RuntimeError("out of\n  luck")

Batch.x = Rows
RIVALS["product"] = Rival("baseline", lambda: None, lambda b, d: 4 * b * b, complete=True)
RIVALS["loss"] = Rival("peer", lambda: 0.25, lambda b, d: 0, "squared-l2")
RIVALS["failing"] = Rival("peer", fail, lambda b, d: 0)
RIVALS["large"] = Rival("peer", fail, lambda b, d: 1e18 * b)
RIVALS["wrong"] = Rival("baseline", lambda: None, lambda b, d: 0, check=lambda: "its product is wrong in row 0")
serve(sys.stdin, sys.stdout, 1)
"#;

/// Runs a program in Python with the package in its path; `None`, and a line that says so, without Python.
fn python(program: &str, input: &str) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    engines::write(folder.path()).unwrap();
    let path = folder.path().to_str().unwrap().replace('\\', "/");
    let start =
        format!("import sys; sys.dont_write_bytecode = True; sys.path.insert(0, \"{path}\")\n{program}");
    let mut command = Command::new("python3");
    command.args(["-c", &start]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        println!("there is no python3 here: the protocol is NOT covered");
        return None;
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn every_request_has_one_reply() {
    let requests = "time\tproduct\t3\ntime\tloss\t1\ntime\tfailing\t1\ntime\tlarge\t1\ntime\twrong\t1\n\
                    time\tnone\t1\nload\tno/such/file\t4\t2\nhello\ntime\n";
    let Some(replies) = python(STAND_INS, requests) else { return };
    assert_eq!(replies.len(), requests.lines().count(), "{replies:?}");
    assert!(replies[0].starts_with("{\"ms\": [") && replies[0].matches(", ").count() == 4, "{}", replies[0]);
    assert!(replies[0].ends_with("\"parts\": [], \"value\": null}"), "three times: {}", replies[0]);
    assert!(replies[1].ends_with("\"value\": 0.25}"), "{}", replies[1]);
    let reasons = [
        "out of luck",
        "needs about 4000000000 GB",
        "its product is wrong in row 0",
        "no engine 'none' here",
        "",
        "unknown request 'hello': load, time",
        "",
    ];
    for (reply, reason) in replies[2..].iter().zip(reasons) {
        assert!(reply.starts_with("{\"left_out\": \"") && reply.contains(reason), "{reason}: {reply}");
    }
}

#[test]
fn the_first_line_says_what_can_run_or_why_nothing_can() {
    let program = "sys.argv = ['', 'baselines', '1']\nimport runpy\n\
                   runpy.run_module('triplet_bench', run_name='__main__')";
    let Some(lines) = python(program, "hello\n") else { return };
    assert_eq!(lines.len(), 2, "{lines:?}");
    let without = lines[0].starts_with("{\"error\": \"") && lines[0].contains("numpy");
    assert!(without || lines[0].contains("\"rivals\": [{\"name\""), "{}", lines[0]);
    assert!(lines[1].contains("unknown request"), "{}", lines[1]);
}
