// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netmon --replay` against the recorded pairs: same keys, same values, same types.

use std::fs;
use std::path::Path;
use std::process::Command;

use miniserde::json::{self, Number, Object, Value};

const CASES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/conformance/netmon/cases"
);

/// Equal, integers being unlike floats of the same value; says where not.
fn differ(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let keys = |object: &Object| object.keys().cloned().collect::<Vec<_>>();
            if keys(ours) != keys(theirs) {
                return Some(format!(
                    "{path}: {:?} is not {:?}",
                    keys(ours),
                    keys(theirs)
                ));
            }
            ours.iter()
                .find_map(|(key, value)| differ(&format!("{path}/{key}"), value, &theirs[key]))
        }
        (Value::Number(Number::U64(ours)), Value::Number(Number::U64(theirs)))
            if ours == theirs =>
        {
            None
        }
        (Value::String(ours), Value::String(theirs)) if ours == theirs => None,
        _ => Some(format!(
            "{path}: {} is not {}",
            json::to_string(ours),
            json::to_string(theirs)
        )),
    }
}

fn replay(case: &Path, elapsed: &str, more: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_netvitals"))
        .args(["netmon", "--replay"])
        .args([case.join("before.txt"), case.join("after.txt")])
        .args(["--elapsed", elapsed])
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut object = match json::from_str(&text).unwrap() {
        Value::Object(object) => object,
        other => panic!("{other:?}"),
    };
    // The recorded host stands for whatever machine this is.
    let host = object.insert("host".to_owned(), Value::String("testhost".to_owned()));
    assert!(matches!(host, Some(Value::String(name)) if !name.is_empty()));
    Value::Object(object)
}

/// The number as it is written in `case.json`, never through a float.
fn elapsed(case: &Path) -> String {
    let text = fs::read_to_string(case.join("case.json")).unwrap();
    let after_key = text
        .split("\"elapsed_seconds\":")
        .nth(1)
        .unwrap()
        .trim_start();
    after_key
        .split([',', '\n', '}'])
        .next()
        .unwrap()
        .trim()
        .to_owned()
}

#[test]
fn all_recorded_pairs_are_equal() {
    let mut cases: Vec<_> = fs::read_dir(CASES)
        .unwrap()
        .map(|case| case.unwrap().path())
        .collect();
    cases.sort();
    assert_eq!(cases.len(), 14);
    for case in cases {
        let expected = fs::read_to_string(case.join("expected.json")).unwrap();
        let expected: Value = json::from_str(&expected).unwrap();
        for more in [&[][..], &["--pprint"]] {
            let ours = replay(&case, &elapsed(&case), more);
            assert_eq!(
                differ("", &ours, &expected),
                None,
                "{} {more:?}",
                case.display()
            );
        }
    }
}

#[test]
fn the_comparison_sees_differences() {
    let value = |text: &str| json::from_str::<Value>(text).unwrap();
    let differs = |a: &str, b: &str| differ("", &value(a), &value(b)).is_some();
    assert!(!differs(r#"{"a":{"b":0}}"#, r#"{"a":{"b":0}}"#));
    assert!(differs(r#"{"a":{"b":0}}"#, r#"{"a":{"b":0.0}}"#));
    assert!(differs(
        r#"{"a":{"b":9007199254740993}}"#,
        r#"{"a":{"b":9007199254740992}}"#
    ));
    assert!(differs(r#"{"a":1}"#, r#"{"b":1}"#));
    assert!(differs(r#"{"a":1}"#, r#"{"a":1,"b":1}"#));
    assert!(differs(r#"{"a":"1"}"#, r#"{"a":1}"#));
}
