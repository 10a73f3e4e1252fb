//! JSON Lines: one object a line, kept as raw cells.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    io::{BufRead, BufReader, Read},
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor, value},
};
use serde_json::{Number, Value};
use sluicegate_plugin::TaskError;

use super::{
    complaints::{Complaint, Complaints},
    file::SourceFile,
    raw::{Form, RawColumn, RawTable},
};

/// Reads the objects of a JSON Lines file. Columns are the union of all objects' keys, in order of first appearance,
/// or the wanted ones. `tick` is called now and then and may stop the work.
pub(super) fn read(
    file: &SourceFile,
    wanted: Option<&[String]>,
    limit: usize,
    tick: &dyn Fn() -> Result<(), TaskError>,
) -> Result<RawTable, TaskError> {
    let (handle, size) = file.open_for_run()?;
    if size == 0 {
        return Err(file.bad("empty_file", "the file is empty"));
    }
    let mut reader = BufReader::with_capacity(1 << 16, handle.take(size));
    let mut rows = Objects::new(wanted);
    let mut faults = Complaints::default();
    let mut line = Vec::new();
    let mut n_lines = 0;
    while rows.n_rows < limit {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(|error| file.io(&error))? == 0 {
            rows.raw.complete = true;
            break;
        }
        n_lines += 1;
        let text = if n_lines == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        if text.trim_ascii().is_empty() {
            continue;
        }
        let text = std::str::from_utf8(text).map_err(|error| {
            let byte = error.valid_up_to() + 1;
            file.bad("not_utf8", format!("line {n_lines} is not UTF-8 (byte {byte} of the line)"))
                .hint("save the file as UTF-8")
        })?;
        if let Err(what) = rows.take(text, n_lines) {
            faults.add(|| Complaint { code: "bad_line", row_idx: rows.n_rows, column: None, what });
            rows.n_rows += 1;
        }
        if rows.n_rows.is_multiple_of(8192) {
            tick()?;
        }
    }
    faults.raise(file, |_| None)?;
    Ok(rows.finish())
}

/// The objects read so far.
struct Objects {
    raw: RawTable,
    idx_of: HashMap<String, usize>,
    /// New keys become columns, unless columns were chosen.
    grow: bool,
    n_rows: usize,
    /// Whether an object had each column.
    seen: Vec<bool>,
}

impl Objects {
    fn new(wanted: Option<&[String]>) -> Self {
        let mut rows = Self {
            raw: RawTable::default(),
            idx_of: HashMap::new(),
            grow: wanted.is_none(),
            n_rows: 0,
            seen: Vec::new(),
        };
        for name in wanted.unwrap_or_default() {
            rows.add(name);
        }
        rows
    }

    fn add(&mut self, name: &str) -> usize {
        self.raw.add_column(name);
        self.seen.push(false);
        self.idx_of.insert(name.into(), self.raw.names.len() - 1);
        self.raw.names.len() - 1
    }

    /// Takes one line; what is wrong with it otherwise.
    fn take(&mut self, text: &str, line: u64) -> Result<(), String> {
        self.raw.open_chunk();
        let mut parser = serde_json::Deserializer::from_str(text);
        let taken = parser.deserialize_map(RowVisitor(self)).and_then(|()| parser.end());
        let chunk = self.raw.last_chunk();
        let n_before = chunk.n_rows();
        if let Err(error) = taken {
            chunk.columns.iter_mut().for_each(|column| column.cut(n_before));
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            return Err(format!("(line {line}, character {}): {message}", error.column()));
        }
        chunk.columns.iter_mut().for_each(|column| column.fill_up(n_before + 1));
        chunk.places.push(line);
        self.n_rows += 1;
        Ok(())
    }

    /// Drops chosen columns that no object has, so that they are found missing.
    fn finish(mut self) -> RawTable {
        for column_idx in (0..self.seen.len()).rev().filter(|column_idx| !self.seen[*column_idx]) {
            self.raw.names.remove(column_idx);
            for chunk in &mut self.raw.chunks {
                chunk.columns.remove(column_idx);
            }
        }
        self.raw
    }
}

/// Puts the values of one object into their columns.
struct RowVisitor<'a>(&'a mut Objects);

impl<'de> Visitor<'de> for RowVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let rows = self.0;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let column_idx = match rows.idx_of.get(key.as_ref()) {
                Some(column_idx) => *column_idx,
                None if rows.grow => rows.add(&key),
                None => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            rows.seen[column_idx] = true;
            let chunk = rows.raw.last_chunk();
            let n_rows = chunk.n_rows();
            let column = &mut chunk.columns[column_idx];
            if column.len() > n_rows {
                return Err(A::Error::custom(format!("the key `{key}` stands twice")));
            }
            map.next_value_seed(CellSeed(column))?;
        }
        Ok(())
    }
}

/// Puts one value into a column.
struct CellSeed<'a>(&'a mut RawColumn);

impl<'de> DeserializeSeed<'de> for CellSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl CellSeed<'_> {
    fn put<E: Error>(self, form: Form, cell: impl fmt::Display) -> Result<(), E> {
        if self.0.push_as(form, cell) { Ok(()) } else { Err(E::custom("the column is larger than 4 GB")) }
    }
}

impl<'de> Visitor<'de> for CellSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put(Form::Absent, "")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.put(Form::Plain, value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.put(Form::Plain, value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.put(Form::Plain, value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        match Number::from_f64(value) {
            Some(number) => self.put(Form::Plain, number),
            None => self.put(Form::Plain, value),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.put(Form::Quoted, value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        let value = Value::deserialize(value::SeqAccessDeserializer::new(items))?;
        self.put(Form::Nested, value)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        let value = Value::deserialize(value::MapAccessDeserializer::new(entries))?;
        self.put(Form::Nested, value)
    }
}
