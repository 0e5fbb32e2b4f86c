//! `swathe array` as a user calls it.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
use assert_cmd::Command;

/// Exit code, standard output, standard error.
fn outcome(words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("swathe"));
    let output = command.arg("array").args(words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

#[test]
fn a_line_is_computed() {
    for (line, value) in [
        ("1 + 2 * 3 ** 2", "19"),
        ("(-2 ** 2) + 2 ** -1", "-3.5"),
        ("7 // 2 % 2 - 10 / 4", "-1.5"),
        ("(arange(10, chunks=3) * 2 + 1).sum()", "100"),
        ("arange(10)[::-2][1]", "7"),
        ("arange(12, chunks=5)[2:-2].max()", "9"),
        ("where(arange(5) > 2, 1, arange(5) * 10).sum()", "32"),
        (
            "full((3, 4), 2.5, chunks=2).mean(axis=0)[None, 1:].sum(axis=(0, 1))",
            "7.5",
        ),
        (
            "stack([arange(3), ones(3)], axis=1).T.sum(axis=1)[0]",
            "3.0",
        ),
        (
            "concatenate((arange(3), array([5, 6]))).std(ddof=1)",
            "2.588435821108957",
        ),
        ("sqrt(full(3, 16)).quantile(0.5)", "4.0"),
        ("(random(size=1000, chunks=10) < 2).all()", "True"),
        (
            "uniform(2, high=3, size=(10, 10), chunks=(5, -1)).clip(2.5).min() >= 2.5",
            "True",
        ),
        ("integers(5, 6, size=4, dtype=uint8)[3]", "5"),
        (
            "where(linspace(0, 1, 5) > 0.4, nan, 2.0).mean(skipna=True)",
            "2.0",
        ),
        (
            "broadcast_to(arange(3), (2, 3)).sum(keepdims=True)[0, 0]",
            "6",
        ),
        ("maximum(arange(3).astype(float32), 1.5).sum()", "5.0"),
        ("1e3 + .5 + 1_000", "2000.5"),
    ] {
        let (code, out, err) = outcome(&[line]);
        assert_eq!(
            (code, out.as_str()),
            (0, &*format!("{value}\n")),
            "{line}: {err}"
        );
    }
}

#[test]
fn the_mean_of_the_tutorial_in_little_memory() {
    let line = "normal(1, 2, size=2**22, chunks=2**20).mean()";
    let seed = ["--seed", "5179916885778238210"];
    let (code, out, err) = outcome(&[line, seed[0], seed[1], "--memory", "1MiB", "--threads", "3"]);
    assert_eq!(code, 0, "{err}");
    assert!((out.trim().parse::<f64>().unwrap() - 1.0).abs() < 0.005);
    assert!(
        err.contains("32.0 MiB in 4 chunks") && err.contains("3 threads"),
        "{err}"
    );
    let (_, json, _) = outcome(&[line, seed[0], seed[1], "--json"]);
    let said: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(said["value"].to_string(), out.trim());
    assert_eq!(said["bytes"], 32 << 20);
    // 32 MiB of numbers are not held.
    assert!(
        said["peak_bytes"]
            .as_u64()
            .is_none_or(|peak| peak < 30 << 20),
        "{said}"
    );
    let (_, other, _) = outcome(&[line, "--seed", "5,7"]);
    assert_ne!(other, out);
    let (code, out, _) = outcome(&["normal(size=2**45)", "--dry-run"]);
    assert_eq!(
        (
            code,
            out.starts_with("(35184372088832,) float64, 262144.0 GiB in")
        ),
        (0, true),
        "{out}"
    );
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (line, said) in [
        ("", "column 1: an operand is expected, not the end"),
        ("1 +", "column 4: an operand is expected, not the end"),
        (
            "arange(3) + noraml(3)",
            "column 13: noraml is not known; did you mean normal?",
        ),
        (
            "arange(3).maen()",
            "column 11: maen is not known; did you mean mean?",
        ),
        ("arange(3", "column 9: \")\" is expected, not the end"),
        (
            "arange(3) arange(3)",
            "column 11: arange is not expected here",
        ),
        ("arange(3) $ 2", "column 11: '$' is not understood"),
        ("arange(3, chunks=0)", "column 1: chunks of axis 0 are zero"),
        (
            "arange(3, chnks=2)",
            "column 11: arange has no argument chnks",
        ),
        (
            "arange(3) + arange(4)",
            "column 11: operands of add could not be broadcast together with shapes (3,) (4,)",
        ),
        (
            "ones((2, 3)).sum(axis=2)",
            "column 14: axis 2 is out of bounds for array of dimension 2",
        ),
        (
            "arange(3)[5]",
            "column 10: index 5 is out of bounds for axis 0 with size 3",
        ),
        ("arange(3)[0.5]", "column 11: a whole number is expected"),
        ("normal(0, -1, size=3)", "column 1: scale = -1 is below 0"),
        ("zeros(3, dtype=int9)", "column 16: int9 is not known"),
        (
            "ones(3, dtype=uint8) + 300",
            "column 22: 300 is out of bounds for uint8",
        ),
        ("'a", "column 1: a text that does not end"),
        (
            &"(".repeat(300),
            "column 101: more than 100 within each other",
        ),
    ] {
        let (code, _, err) = outcome(&[line]);
        assert_eq!(code, 2, "{line}: {err}");
        assert!(err.contains(said), "{line}: {err}");
    }
    let (code, _, err) = outcome(&[
        "normal(size=(1000, 1000), chunks=1000).T.sum()",
        "--memory",
        "1MiB",
    ]);
    assert!(
        code == 2 && err.contains("needs") && err.contains("--memory 12MiB or more"),
        "{err}"
    );
    let (code, _, err) = outcome(&["zeros(2**50, chunks=2**40)"]);
    assert!(
        code == 2 && err.contains("the result needs") && err.contains("reduce it"),
        "{err}"
    );
    let (code, _, err) = outcome(&["1", "--seed", "x"]);
    assert!(
        code == 2 && err.contains("\"x\" is no whole number"),
        "{err}"
    );
}

#[test]
fn the_graph_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    for (name, begins) in [
        ("a.svg", "<svg"),
        ("a.mmd", "flowchart LR"),
        ("a.dot", "digraph {"),
    ] {
        let path = folder.path().join(name);
        let words = [
            "normal(size=100, chunks=10).std()",
            "--graph",
            path.to_str().unwrap(),
        ];
        assert_eq!(outcome(&words).0, 0);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with(begins) && text.contains("std-combine") && text.contains("5 more")
        );
        let (code, _, err) = outcome(&words);
        assert!(code == 1 && err.contains("--overwrite"), "{err}");
    }
    let (code, _, err) = outcome(&["1", "--graph", "a.pdf"]);
    assert!(code == 2 && err.contains(".svg, .mmd or .dot"), "{err}");
}
