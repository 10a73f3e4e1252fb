//! The header against its mirror.

use std::mem::offset_of;

use super::*;

const HEADER: &str = include_str!("../../include/sluicegate.h");

/// The names of a structure's fields in the header, in order; functions by the name of their pointer.
fn fields(name: &str) -> Vec<String> {
    let begin = format!("typedef struct {name} {{");
    let body = HEADER.split(&begin).nth(1).expect("the structure is there");
    let body = body.split(&format!("}} {name};")).next().expect("it ends");
    without_comments(body).split(';').filter_map(field).collect()
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once("*/").map_or("", |(_, after)| after))
}

fn field(declaration: &str) -> Option<String> {
    let declaration = declaration.trim();
    if let Some((_, pointer)) = declaration.split_once("(*") {
        return pointer.split(')').next().map(str::to_owned);
    }
    let name = declaration.rsplit([' ', '*']).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

fn constant(name: &str) -> u64 {
    let line = |line: &&str| line.split_whitespace().nth(1) == Some(name);
    let enumerated = |text: &str| text.trim().strip_prefix(name)?.trim().strip_prefix('=').map(str::to_owned);
    let text = HEADER.lines().find(line).and_then(|line| line.split_whitespace().nth(2).map(str::to_owned));
    let text = text.or_else(|| without_comments(HEADER).split([',', '{', '}']).find_map(enumerated));
    let text = text.expect("the constant is there");
    let text = text.trim().trim_end_matches('u');
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).expect("hexadecimal"),
        None => text.parse().expect("a number"),
    }
}

macro_rules! assert_layout {
    ($structure:literal, $mirror:ty, [$($field:ident),+ $(,)?]) => {
        assert_eq!(fields($structure), [$(stringify!($field)),+], "{}", $structure);
        let offsets = [$(offset_of!($mirror, $field)),+];
        assert!(offsets.is_sorted_by(|a, b| a < b), "the mirror has another order");
    };
}

#[test]
fn the_mirror_has_the_fields_of_the_header_in_their_order() {
    assert_layout!("sluice_bytes", Bytes, [ptr, len]);
    assert_layout!("sluice_kind", KindTable, [manifest, describe, run, ask]);
    assert_layout!(
        "sluice_plugin",
        PluginTable,
        [magic, abi_major, abi_minor, size, kind_stride, min_host_size, n_kinds, kinds, name, version, build]
    );
    assert_layout!(
        "sluice_host",
        HostTable,
        [
            size,
            abi_minor,
            log,
            metric,
            progress,
            cancelled,
            param,
            input_table,
            input_path,
            input_json,
            output_table,
            output_path,
            output_value,
            secret,
            summary,
            verdict,
            fail
        ]
    );
}

#[test]
fn the_numbers_of_the_header_are_those_of_the_mirror() {
    assert_eq!(constant("SLUICE_MAGIC"), u64::from(MAGIC));
    assert_eq!(MAGIC.to_le_bytes(), *b"SLG1");
    assert_eq!(constant("SLUICE_ABI_MAJOR"), u64::from(ABI_MAJOR));
    assert_eq!(constant("SLUICE_ABI_MINOR"), u64::from(ABI_MINOR));
    let statuses = [
        ("SLUICE_OK", OK),
        ("SLUICE_FAILED", FAILED),
        ("SLUICE_CANCELLED", CANCELLED),
        ("SLUICE_PANICKED", PANICKED),
        ("SLUICE_UNSUPPORTED", UNSUPPORTED),
        ("SLUICE_ABSENT", ABSENT),
    ];
    for (name, status) in statuses {
        assert_eq!(i32::try_from(constant(name)), Ok(status), "{name}");
    }
    assert!(HEADER.contains(&format!("{SYMBOL}(void);")));
}
