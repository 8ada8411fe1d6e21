// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documents against `tests/schema/snapshot.json`: as much of JSON Schema as stands in it, and no
//! more. Stricter than the standard: an integer is written without a point, a number with one, and
//! no key twice.
#![allow(dead_code)]

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use miniserde::json::{self, Number, Object, Value};

const TEXT: &str = include_str!("../schema/snapshot.json");

/// All schemas of the file.
pub struct Schema(Object);

impl Schema {
    pub fn new() -> Self {
        Self(object(json::from_str(TEXT).unwrap()))
    }

    /// The object in `text`, one line, which must be as `definition` says.
    #[track_caller]
    pub fn valid(&self, definition: &str, text: &str) -> Object {
        let wrong = self.faults(definition, text);
        assert!(wrong.is_empty(), "{}\nin {text}", wrong.join("\n"));
        object(json::from_str(text).unwrap())
    }

    /// What is wrong with `text`.
    pub fn faults(&self, definition: &str, text: &str) -> Vec<String> {
        let Ok(value) = json::from_str::<Value>(text) else {
            return vec!["not JSON".into()];
        };
        let mut wrong = Vec::new();
        let Some(Value::Object(schemas)) = self.0.get("$defs") else {
            panic!("no $defs")
        };
        let check = Check { schemas };
        check.value(&schemas[definition], &value, definition, &mut wrong);
        // A quotation mark within a string has a backslash before it.
        let written = text.matches("\":").count() - text.matches("\\\":").count();
        if keys(&value) != written {
            wrong.push("a key stands twice in one object".into());
        }
        wrong
    }
}

/// How many keys there are.
fn keys(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.values().map(|value| 1 + keys(value)).sum(),
        Value::Array(array) => array.iter().map(keys).sum(),
        _ => 0,
    }
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

struct Check<'a> {
    schemas: &'a Object,
}

impl Check<'_> {
    /// Adds what is wrong with the value at `place`.
    fn value(&self, schema: &Value, value: &Value, place: &str, wrong: &mut Vec<String>) {
        let schema = match schema {
            Value::Bool(true) => return,
            Value::Bool(false) => return wrong.push(format!("{place}: must not be there")),
            Value::Object(schema) => schema,
            other => panic!("a schema: {other:?}"),
        };
        for (keyword, rule) in schema {
            let mut say = |what: &str| wrong.push(format!("{place}: {what}: {value:?}"));
            match (keyword.as_str(), rule) {
                ("$ref", Value::String(path)) => {
                    let name = path.strip_prefix("#/$defs/").unwrap();
                    self.value(&self.schemas[name], value, place, wrong);
                }
                ("allOf", Value::Array(all)) => {
                    for each in all {
                        self.value(each, value, place, wrong);
                    }
                }
                ("anyOf", Value::Array(any)) => {
                    let fits = |each| {
                        let mut wrong = Vec::new();
                        self.value(each, value, place, &mut wrong);
                        wrong.is_empty()
                    };
                    if !any.iter().any(fits) {
                        say("none of several");
                    }
                }
                ("enum", Value::Array(allowed)) if !allowed.iter().any(|one| same(one, value)) => {
                    say("not allowed");
                }
                ("const", only) if !same(only, value) => say("not allowed"),
                ("enum" | "const" | "additionalProperties", _) => {}
                ("type", Value::String(name)) if !is_a(name, value) => {
                    say(&format!("no {name}"));
                }
                ("type", _) => {}
                (keyword, rule) => match value {
                    Value::Object(object) => self.members(schema, object, place, keyword, wrong),
                    Value::Array(array) => self.items(rule, array, place, keyword, wrong),
                    Value::String(text) if !string(keyword, rule, text) => say(keyword),
                    Value::Number(number) if !numeric(keyword, rule, number) => say(keyword),
                    _ => {}
                },
            }
        }
    }

    fn members(
        &self,
        schema: &Object,
        object: &Object,
        place: &str,
        keyword: &str,
        wrong: &mut Vec<String>,
    ) {
        match (keyword, &schema[keyword]) {
            ("required", Value::Array(names)) => {
                for name in names.iter().map(text) {
                    if !object.contains_key(name) {
                        wrong.push(format!("{place}: '{name}' is missing"));
                    }
                }
            }
            ("properties", Value::Object(properties)) => {
                let additional = schema.get("additionalProperties");
                let closed = matches!(additional, Some(Value::Bool(false)));
                for (name, value) in object {
                    match properties.get(name) {
                        Some(schema) => {
                            self.value(schema, value, &format!("{place}.{name}"), wrong);
                        }
                        None if closed => wrong.push(format!("{place}: '{name}' is unknown")),
                        None => {}
                    }
                }
            }
            (other, _) => does_not_apply(other),
        }
    }

    fn items(
        &self,
        rule: &Value,
        array: &json::Array,
        place: &str,
        keyword: &str,
        wrong: &mut Vec<String>,
    ) {
        let fits = match keyword {
            "items" => {
                for (index, value) in array.iter().enumerate() {
                    self.value(rule, value, &format!("{place}[{index}]"), wrong);
                }
                true
            }
            "minItems" => array.len() as f64 >= float(rule),
            "maxItems" => array.len() as f64 <= float(rule),
            "uniqueItems" => array.iter().map(text).collect::<BTreeSet<_>>().len() == array.len(),
            other => {
                does_not_apply(other);
                true
            }
        };
        if !fits {
            wrong.push(format!("{place}: {keyword}"));
        }
    }
}

/// A keyword for values of another type; any other one would be ignored without a word.
fn does_not_apply(keyword: &str) {
    const KNOWN: &str = "required properties items minItems maxItems uniqueItems pattern \
                         minLength maxLength format minimum maximum decimals";
    let known = KNOWN.split(' ').any(|known| known == keyword);
    assert!(known, "'{keyword}' is unknown to this test");
}

fn is_a(name: &str, value: &Value) -> bool {
    matches!(
        (name, value),
        ("object", Value::Object(_))
            | ("array", Value::Array(_))
            | ("string", Value::String(_))
            | ("boolean", Value::Bool(_))
            | ("integer", Value::Number(Number::U64(_) | Number::I64(_)))
            | ("number", Value::Number(Number::F64(_)))
    )
}

fn string(keyword: &str, rule: &Value, value: &str) -> bool {
    match keyword {
        "pattern" => matches(text(rule), value),
        "minLength" => value.chars().count() as f64 >= float(rule),
        "maxLength" => value.chars().count() as f64 <= float(rule),
        // Written the one way that RFC 5952 names.
        "format" if text(rule) == "ipv4" => value
            .parse()
            .is_ok_and(|ip: Ipv4Addr| ip.to_string() == value),
        "format" if text(rule) == "ipv6" => value
            .parse()
            .is_ok_and(|ip: Ipv6Addr| ip.to_string() == value),
        other => {
            does_not_apply(other);
            true
        }
    }
}

fn numeric(keyword: &str, rule: &Value, value: &Number) -> bool {
    let number = as_float(value);
    match keyword {
        "minimum" => number >= float(rule),
        "maximum" => number <= float(rule),
        "decimals" => {
            let digits = number.to_string();
            let behind = digits.split_once('.').map_or(0, |(_, behind)| behind.len());
            behind as f64 <= float(rule)
        }
        other => {
            does_not_apply(other);
            true
        }
    }
}

/// A pattern of characters and sets of them, each perhaps with a count, between `^` and `$`.
fn matches(pattern: &str, value: &str) -> bool {
    let inner = pattern.strip_prefix('^').and_then(|p| p.strip_suffix('$'));
    let (mut rest, mut value) = (inner.unwrap(), value.chars());
    while let Some(first) = rest.chars().next() {
        let (set, after) = match first {
            '[' => rest[1..].split_once(']').unwrap(),
            _ => rest.split_at(first.len_utf8()),
        };
        let (count, after) = match after.strip_prefix('{') {
            Some(after) => after.split_once('}').unwrap(),
            None => ("1", after),
        };
        rest = after;
        for _ in 0..count.parse().unwrap() {
            if !value.next().is_some_and(|c| is_in(set, c)) {
                return false;
            }
        }
    }
    value.next().is_none()
}

/// Whether a set such as `0-9a-f` holds the character.
fn is_in(set: &str, c: char) -> bool {
    let set: Vec<char> = set.chars().collect();
    let ranges = set.windows(3).filter(|range| range[1] == '-');
    let mut ranges = ranges.map(|range| range[0]..=range[2]);
    set == [c] || ranges.any(|range| range.contains(&c)) || c != '-' && set.contains(&c)
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one == other,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Number(one), Value::Number(other)) => as_float(one) == as_float(other),
        _ => false,
    }
}

fn text(value: &Value) -> &str {
    match value {
        Value::String(text) => text,
        other => panic!("{other:?}"),
    }
}

fn float(value: &Value) -> f64 {
    match value {
        Value::Number(number) => as_float(number),
        other => panic!("{other:?}"),
    }
}

fn as_float(number: &Number) -> f64 {
    match *number {
        Number::U64(number) => number as f64,
        Number::I64(number) => number as f64,
        Number::F64(number) => number,
    }
}
