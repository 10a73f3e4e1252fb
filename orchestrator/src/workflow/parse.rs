//! From bytes to a tree, with every syntax error that can be found in one go.

use super::{Diagnostic, Source, node::Table, pieces};

/// Larger files are no workflows.
const MAX_BYTES: usize = 16 << 20;

/// Parses a file. A tree comes back even when some of it could not be read. Deep nesting is refused, but its recursion wants room.
pub(super) fn parse<'t>(source: &'t Source, found: &mut Vec<Diagnostic>) -> Option<Table<'t>> {
    if source.bytes.len() > MAX_BYTES {
        let size = source.bytes.len() >> 20;
        let message = format!("the file is {size} MiB large; a workflow has at most {} MiB", MAX_BYTES >> 20);
        found.push(Diagnostic::elsewhere("E001", message).hint("give the path of a workflow file"));
        return None;
    }
    let text = match std::str::from_utf8(&source.bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            let byte = source.bytes[at];
            let message = format!("the file is not UTF-8: byte {at} is 0x{byte:02x}");
            let hint = "save it as UTF-8; workflow files are text";
            found.push(
                Diagnostic::error("E001", at.saturating_sub(1)..at, message).label("after this").hint(hint),
            );
            return None;
        }
    };
    if let Some(tree) = pieces::parse(text) {
        return Some(tree);
    }
    let (tree, errors) = toml::de::DeTable::parse_recoverable(text);
    let tree = Table::from_toml(tree.into_inner());
    let broken = !errors.is_empty();
    let mut in_duplicate = None;
    for error in errors.iter().take(20) {
        let span = error.span().unwrap_or(0..0);
        // The keys of a table that stands there twice are not blamed one by one.
        if in_duplicate.is_some_and(|end| span.start < end) {
            continue;
        }
        if is_duplicate(error) {
            in_duplicate = duplicate_table_end(text, span.start);
        }
        found.push(syntax_error(error, text, &tree));
    }
    // With broken syntax much of what follows would only be noise, unless there are tasks to look at.
    (!broken || tree.get("tasks").is_some()).then_some(tree)
}

/// Tells whether a file has nothing but empty lines and remarks.
pub(super) fn is_empty(source: &Source) -> bool {
    let text = source.text();
    let content = text.strip_prefix('\u{feff}').unwrap_or(text);
    content.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

fn is_duplicate(error: &toml::de::Error) -> bool {
    error.message().contains("duplicate key")
}

/// Where the table ends whose header holds a byte; `None` when the byte is not in a header.
fn duplicate_table_end(text: &str, at: usize) -> Option<usize> {
    let line_start = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
    text[line_start..]
        .trim_start()
        .starts_with('[')
        .then(|| text[at..].find("\n[").map_or(text.len(), |n| at + n))
}

fn syntax_error(error: &toml::de::Error, text: &str, tree: &Table) -> Diagnostic {
    let message = error.message().lines().next().unwrap_or("broken syntax").to_owned();
    if message.contains("recur") {
        let span = error.span().filter(|span| *span != (0..0)).unwrap_or_else(|| deepest_key(text));
        let message = "this is nested too deeply to be read";
        let hint = "a workflow nests a handful of tables and lists; remove the others";
        return Diagnostic::error("E002", span, message).label("too deep").hint(hint);
    }
    let span = error.span().unwrap_or(0..0);
    if !is_duplicate(error) {
        return Diagnostic::error("E002", span, format!("this is not TOML: {message}"));
    }
    let hint = "names are unique: rename one of them, or join the two tables";
    let named = match text.get(span.clone()) {
        Some(name) if !name.is_empty() => format!("`{name}` is used twice"),
        _ => "this name is used twice".to_owned(),
    };
    let duplicate = Diagnostic::error("E004", span.clone(), named).label("here again").hint(hint);
    match first_use(tree, &span) {
        Some(first) => duplicate.related(first, "here first"),
        None => duplicate,
    }
}

/// The line with the longest chain of dotted keys.
fn deepest_key(text: &str) -> std::ops::Range<usize> {
    let mut start = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        let place = start..start + line.trim_end().len();
        start += line.len();
        (line.matches('.').count(), place)
    });
    lines
        .max_by_key(|(n_dots, _)| *n_dots)
        .map_or(0..0, |(_, place)| place.start..place.end.min(place.start + 40))
}

/// The task that stands at the place where a duplicate one has the same length of name, when that can be told.
fn first_use(tree: &Table, span: &std::ops::Range<usize>) -> Option<std::ops::Range<usize>> {
    let tasks = tree.get("tasks")?.as_table()?;
    let mut before =
        tasks.entries.iter().filter(|(key, _)| key.span.end <= span.start && key.span.len() == span.len());
    let only = before.next()?;
    before.next().is_none().then(|| only.0.span.clone())
}
