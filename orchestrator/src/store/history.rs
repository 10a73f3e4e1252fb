//! The history: finished runs' events, packed, in shared files; and beside each file its runs' rows.
//!
//! A segment is `NNNNNN.zst`, frames one after the other, and `NNNNNN.rows`, a line with a checksum for each run in the order in which
//! they ended. Appends are not synced: until the next checkpoint the journal has the same events. The manifest in the journal says what
//! is sure to be there; what lies behind it is made again from the journal.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufReader, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};

use super::{
    StoreError,
    disk::{self, Points},
    jsonl,
    row::Place,
    value,
};
use crate::run::RunRow;

/// A segment is closed when its frames are so long.
const SEGMENT: u64 = 64 << 20;

/// Rows are read backwards in pieces of so many bytes.
const PIECE: u64 = 64 << 10;

/// What the history holds for sure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Its segments, oldest first.
    pub(super) segments: Vec<Segment>,
}

/// A segment's two files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    /// Its number.
    pub(super) number: u32,
    /// How often its frames were written anew.
    #[serde(default)]
    pub(super) frames_age: u32,
    /// Bytes of frames.
    pub(super) frames: u64,
    /// How often its rows were written anew.
    #[serde(default)]
    pub(super) rows_age: u32,
    /// Bytes of rows.
    pub(super) rows: u64,
}

impl Segment {
    pub(super) fn frames_path(&self, folder: &Path) -> PathBuf {
        file(folder, self.number, self.frames_age, "zst")
    }

    pub(super) fn rows_path(&self, folder: &Path) -> PathBuf {
        file(folder, self.number, self.rows_age, "rows")
    }
}

fn file(folder: &Path, number: u32, age: u32, extension: &str) -> PathBuf {
    match age {
        0 => folder.join(format!("{number:06}.{extension}")),
        _ => folder.join(format!("{number:06}-{age}.{extension}")),
    }
}

/// A line of a segment's rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct HistoryRow {
    /// The run's row.
    pub(super) row: RunRow,
    /// Where its frames begin.
    pub(super) offset: u64,
    /// How long they are.
    pub(super) length: u64,
}

/// The files of segments by number, each opened when it is first read.
type SegmentFiles = BTreeMap<u32, (PathBuf, Option<Arc<File>>)>;

/// Reads frames, also while others are appended. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct FrameReader {
    files: Arc<RwLock<SegmentFiles>>,
}

impl FrameReader {
    pub(super) fn of(folder: &Path, segments: &[Segment]) -> Self {
        let reader = Self::default();
        reader.follow(folder, segments);
        reader
    }

    /// Takes over where segments are now.
    fn follow(&self, folder: &Path, segments: &[Segment]) {
        let files = segments.iter().map(|segment| (segment.number, (segment.frames_path(folder), None)));
        *self.files.write().unwrap_or_else(PoisonError::into_inner) = files.collect();
    }

    fn file(&self, segment: u32) -> Result<(PathBuf, Arc<File>), StoreError> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        let (path, file) = files
            .get_mut(&segment)
            .ok_or_else(|| StoreError::BadValue(format!("the history has no segment {segment}")))?;
        if file.is_none() {
            *file = Some(Arc::new(File::open(&*path).map_err(StoreError::io("open", path))?));
        }
        Ok((path.clone(), file.clone().expect("it was just opened")))
    }

    /// The frames of a run.
    pub(super) fn read(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        let (path, file) = self.file(place.segment)?;
        let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
        let length = file.metadata().map_err(StoreError::io("read", &path))?.len();
        if place.offset.checked_add(place.length).is_none_or(|end| end > length) {
            return Err(damaged(format!(
                "a run's events should end at byte {}, but the file has {length}",
                place.offset.saturating_add(place.length)
            )));
        }
        let mut frames = vec![0; usize::try_from(place.length).unwrap_or_default()];
        file.read_exact_at(&mut frames, place.offset).map_err(StoreError::io("read", &path))?;
        Ok(frames)
    }

    /// The unpacked lines of a run, with the file named when they are damaged.
    pub(super) fn lines(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        super::tape::decompress(&self.read(place)?).map_err(|error| match self.file(place.segment) {
            Ok((path, _)) => StoreError::Damaged {
                path,
                reason: format!("the events at byte {} cannot be unpacked ({error})", place.offset),
            },
            Err(_) => error,
        })
    }
}

/// The history, to append to.
pub(super) struct History {
    folder: PathBuf,
    segments: Vec<Segment>,
    reader: FrameReader,
    /// The newest segment's files, once something was appended.
    open: Option<(File, File)>,
    /// Segments with appends that were not synced.
    dirty: BTreeSet<u32>,
}

impl History {
    /// Opens the history as the manifest has it, or, when the same machine wrote it without a break, up to the segment `known`.
    /// Whatever is behind that is cut off or removed. `None` when the files are shorter than `known` says.
    pub(super) fn open(
        folder: &Path,
        manifest: &Manifest,
        known: Option<Segment>,
    ) -> Result<Option<Self>, StoreError> {
        let mut segments = manifest.segments.clone();
        if let Some(last) = known {
            let old = segments.pop_if(|segment| segment.number <= last.number);
            let first = old.map_or(last.number, |old| old.number);
            for number in first..last.number {
                let age = old.filter(|old| old.number == number).unwrap_or_default();
                let mut segment = Segment { number, ..age };
                let (Ok(frames), Ok(rows)) = (
                    std::fs::metadata(segment.frames_path(folder)),
                    std::fs::metadata(segment.rows_path(folder)),
                ) else {
                    return Ok(None);
                };
                (segment.frames, segment.rows) = (frames.len(), rows.len());
                segments.push(segment);
            }
            segments.push(last);
        }
        for segment in &segments {
            for (path, length) in
                [(segment.frames_path(folder), segment.frames), (segment.rows_path(folder), segment.rows)]
            {
                if !cut(&path, length)? {
                    return match known {
                        Some(_) => Ok(None),
                        None => Err(StoreError::Damaged {
                            path,
                            reason: format!("it is shorter than the {length} bytes that were written"),
                        }),
                    };
                }
            }
        }
        remove_strangers(folder, &segments)?;
        let reader = FrameReader::of(folder, &segments);
        Ok(Some(Self { folder: folder.to_owned(), segments, reader, open: None, dirty: BTreeSet::new() }))
    }

    pub(super) fn reader(&self) -> FrameReader {
        self.reader.clone()
    }

    pub(super) fn manifest(&self) -> Manifest {
        Manifest { segments: self.segments.clone() }
    }

    /// The segment that is appended to, as it is now.
    pub(super) fn last(&self) -> Option<Segment> {
        self.segments.last().copied()
    }

    /// Appends finished runs; says where each is.
    pub(super) fn append(&mut self, runs: &[(RunRow, Vec<u8>)]) -> Result<Vec<Place>, StoreError> {
        if self.segments.last().is_none_or(|last| last.frames >= SEGMENT) {
            self.begin_segment()?;
        }
        let segment = self.segments.last_mut().expect("one was just begun");
        let (frames_path, rows_path) = (segment.frames_path(&self.folder), segment.rows_path(&self.folder));
        let mut places = Vec::with_capacity(runs.len());
        let (mut frames, mut rows) = (Vec::new(), Vec::new());
        for (row, packed) in runs {
            let (offset, length) = (segment.frames + frames.len() as u64, packed.len() as u64);
            places.push(Place { segment: segment.number, offset, length });
            frames.extend_from_slice(packed);
            let line = HistoryRow { row: row.clone(), offset, length };
            rows.extend(jsonl::line(&value::to_json(&line)));
        }
        let (frames_file, rows_file) = match &self.open {
            Some(files) => files,
            None => self.open.insert((append_to(&frames_path)?, append_to(&rows_path)?)),
        };
        let points = Points("history.append.before", "history.append.after");
        disk::step(points, "write", &frames_path, || frames_file.write_all_at(&frames, segment.frames))?;
        rows_file.write_all_at(&rows, segment.rows).map_err(StoreError::io("write", &rows_path))?;
        segment.frames += frames.len() as u64;
        segment.rows += rows.len() as u64;
        self.dirty.insert(segment.number);
        Ok(places)
    }

    fn begin_segment(&mut self) -> Result<(), StoreError> {
        disk::create_folder(&self.folder)?;
        let number = self.segments.last().map_or(1, |last| last.number + 1);
        self.segments.push(Segment { number, ..Segment::default() });
        self.open = None;
        let mut files = self.reader.files.write().unwrap_or_else(PoisonError::into_inner);
        files.insert(number, (file(&self.folder, number, 0, "zst"), None));
        Ok(())
    }

    /// Waits until everything that was appended is on the disk.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        if self.dirty.is_empty() {
            return Ok(());
        }
        let points = Points("history.sync.before", "history.sync.after");
        for segment in self.segments.iter().filter(|segment| self.dirty.contains(&segment.number)) {
            for path in [segment.frames_path(&self.folder), segment.rows_path(&self.folder)] {
                let file = File::open(&path).map_err(StoreError::io("open", &path))?;
                disk::sync(points, &path, &file)?;
            }
        }
        disk::sync_folder(&self.folder)?;
        self.dirty.clear();
        Ok(())
    }

    /// Goes over to segments that were written anew; they are synced, and the journal names them already.
    pub(super) fn follow(&mut self, segments: Vec<Segment>) {
        self.segments = segments;
        self.open = None;
        self.reader.follow(&self.folder, &self.segments);
    }

    /// Removes files that no segment names.
    pub(super) fn remove_strangers(&self) -> Result<(), StoreError> {
        remove_strangers(&self.folder, &self.segments)
    }
}

fn append_to(path: &Path) -> Result<File, StoreError> {
    File::options().create(true).truncate(false).write(true).open(path).map_err(StoreError::io("open", path))
}

/// Cuts a file to a length; false when it is shorter.
fn cut(path: &Path, length: u64) -> Result<bool, StoreError> {
    let found = match std::fs::metadata(path) {
        Ok(about) => about.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    };
    if found > length {
        append_to(path)?.set_len(length).map_err(StoreError::io("cut", path))?;
    }
    Ok(found >= length)
}

/// Removes files that no segment names: the journal makes their content again, or nothing needs it any more.
fn remove_strangers(folder: &Path, segments: &[Segment]) -> Result<(), StoreError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("read", folder)(error)),
    };
    let known: BTreeSet<PathBuf> = segments
        .iter()
        .flat_map(|segment| [segment.frames_path(folder), segment.rows_path(folder)])
        .collect();
    for entry in entries {
        let path = entry.map_err(StoreError::io("read", folder))?.path();
        if !known.contains(&path) {
            std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// A segment's rows as bytes, as far as the manifest vouches for them.
pub(super) fn rows_bytes(folder: &Path, segment: &Segment) -> Result<Vec<u8>, StoreError> {
    let path = segment.rows_path(folder);
    let file = File::open(&path).map_err(StoreError::io("open", &path))?;
    let mut bytes = Vec::new();
    BufReader::new(file).take(segment.rows).read_to_end(&mut bytes).map_err(StoreError::io("read", &path))?;
    Ok(bytes)
}

/// Goes through a segment's rows, last line first, until `look` has enough; reads no more than it must. Tells whether it had enough.
pub(super) fn rows_backwards(
    folder: &Path,
    segment: &Segment,
    mut look: impl FnMut(&[u8]) -> Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    let path = segment.rows_path(folder);
    let file = File::open(&path).map_err(StoreError::io("open", &path))?;
    let mut start = segment.rows;
    // The beginning of what was read, whose line begins further in front.
    let mut cut_off = Vec::new();
    while start > 0 {
        let length = start.min(PIECE);
        start -= length;
        let mut piece = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_exact_at(&mut piece, start).map_err(StoreError::io("read", &path))?;
        piece.extend_from_slice(&cut_off);
        let whole = match piece.iter().position(|byte| *byte == b'\n') {
            _ if start == 0 => 0,
            Some(end) => end + 1,
            None => piece.len(),
        };
        for line in piece[whole..].rsplit(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if look(line)? {
                return Ok(true);
            }
        }
        piece.truncate(whole);
        cut_off = piece;
    }
    Ok(false)
}
