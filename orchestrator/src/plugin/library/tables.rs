//! The tables of a native plugin, read by the sizes that it states: what it does not have is absent.

use std::{
    ffi::c_void,
    mem::{MaybeUninit, size_of},
    path::Path,
    ptr,
};

use sluicegate_plugin::abi::raw::{
    ABI_MAJOR, AskFn, Bytes, DescribeFn, HOST_SIZE, KIND_SIZE_MIN, KindTable, MAGIC, OK, PANICKED,
    PLUGIN_SIZE_MIN, PluginTable, RunFn, Sink, Status, keep,
};

use crate::plugin::Refusal;

/// More kinds than this are a mistake in the table.
const MAX_KINDS: u32 = 4096;

/// Longer texts are a mistake in the table, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// What a plugin's tables say.
pub(super) struct Tables {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) build: String,
    pub(super) kinds: Vec<KindFunctions>,
}

/// The functions of one kind.
#[derive(Clone)]
pub(super) struct KindFunctions {
    manifest: String,
    describe: Option<DescribeFn>,
    pub(super) run: RunFn,
    pub(super) ask: Option<AskFn>,
}

impl Tables {
    /// Reads the tables.
    ///
    /// # Safety
    /// `table` is null, or points to a plugin's table as `sluicegate.h` describes it, which lives as long as the process.
    pub(super) unsafe fn read(table: *const PluginTable, file: &Path) -> Result<Self, Refusal> {
        let bad = |why: String| Refusal::BadTable { file: file.to_owned(), why };
        if table.is_null() {
            return Err(bad("it is null".into()));
        }
        // SAFETY: these four stand at the beginning of every version's table.
        let (magic, major, size) = unsafe {
            (
                (&raw const (*table).magic).read(),
                (&raw const (*table).abi_major).read(),
                (&raw const (*table).size).read(),
            )
        };
        if magic != MAGIC {
            return Err(bad(format!("`magic` is {magic:#010x}, not {MAGIC:#010x}")));
        }
        if major != ABI_MAJOR {
            return Err(Refusal::OtherAbi { file: file.to_owned(), found: major, speaks: ABI_MAJOR });
        }
        let too_old = |field, found, least| Refusal::TooOld { file: file.to_owned(), field, found, least };
        if size < PLUGIN_SIZE_MIN {
            return Err(too_old("size", size, PLUGIN_SIZE_MIN));
        }
        // SAFETY: the plugin says that the table has `size` bytes; zero is a value of every field.
        let plugin: PluginTable = unsafe { copy_up_to(table.cast(), size) };
        if plugin.kind_stride < KIND_SIZE_MIN {
            return Err(too_old("kind_stride", plugin.kind_stride, KIND_SIZE_MIN));
        }
        if plugin.min_host_size > HOST_SIZE {
            let (wanted, offered) = (plugin.min_host_size, HOST_SIZE);
            return Err(Refusal::TooNew { file: file.to_owned(), wanted, offered });
        }
        if plugin.n_kinds == 0 || plugin.n_kinds > MAX_KINDS {
            return Err(bad(format!("`n_kinds` is {}, not from 1 to {MAX_KINDS}", plugin.n_kinds)));
        }
        if plugin.kinds.is_null() {
            return Err(bad("`kinds` is null".into()));
        }
        let mut kinds = Vec::new();
        for kind_idx in 0..plugin.n_kinds {
            let at = plugin.kind_stride as usize * kind_idx as usize;
            // SAFETY: the plugin says that so many kinds follow each other at this stride.
            let kind: KindTable =
                unsafe { copy_up_to(plugin.kinds.cast::<u8>().add(at).cast(), plugin.kind_stride) };
            // SAFETY: the texts of a table live as long as it does.
            kinds.push(
                unsafe { KindFunctions::of(&kind) }.map_err(|why| bad(format!("kind {kind_idx}: {why}")))?,
            );
        }
        let text = |bytes: Bytes, field: &str| {
            // SAFETY: as above.
            unsafe { text_of(bytes) }.map_err(|why| bad(format!("`{field}` {why}")))
        };
        Ok(Self {
            name: text(plugin.name, "name")?,
            version: text(plugin.version, "version")?,
            build: text(plugin.build, "build")?,
            kinds,
        })
    }
}

impl KindFunctions {
    /// # Safety
    /// The table's texts are what [`Bytes::as_slice`] wants.
    unsafe fn of(kind: &KindTable) -> Result<Self, String> {
        // SAFETY: passed on to the caller.
        let manifest = unsafe { text_of(kind.manifest) }.map_err(|why| format!("`manifest` {why}"))?;
        let run = kind.run.ok_or("`run` is null")?;
        if manifest.is_empty() && kind.describe.is_none() {
            return Err("it has neither `manifest` nor `describe`".into());
        }
        Ok(Self { manifest, describe: kind.describe, run, ask: kind.ask })
    }

    /// The manifest's text, or what went wrong when it was computed.
    pub(super) fn manifest(&self) -> Result<String, String> {
        let Some(describe) = self.describe.filter(|_| self.manifest.is_empty()) else {
            return Ok(self.manifest.clone());
        };
        // SAFETY: `describe` is called as the header says.
        let (status, text) = collect(|sink, user| unsafe { describe(sink, user) })?;
        match status {
            OK => Ok(text),
            PANICKED => Err(format!("`describe` panicked: {text}")),
            status => Err(format!("`describe` returned {status}")),
        }
    }
}

/// Calls a function that answers through a sink.
pub(super) fn collect(call: impl FnOnce(Sink, *mut c_void) -> Status) -> Result<(Status, String), String> {
    let mut answer: Option<Vec<u8>> = None;
    let status = call(keep, (&raw mut answer).cast());
    let text = answer.unwrap_or_default();
    if text.len() > MAX_TEXT {
        return Err(format!("it answered {} bytes; at most {MAX_TEXT} are read", text.len()));
    }
    String::from_utf8(text).map(|text| (status, text)).map_err(|_| "its answer is not UTF-8".into())
}

/// # Safety
/// As for [`Bytes::as_slice`], once null and length are plausible.
unsafe fn text_of(bytes: Bytes) -> Result<String, String> {
    if bytes.ptr.is_null() && bytes.len > 0 {
        return Err(format!("is null, but {} bytes long", bytes.len));
    }
    if bytes.len > MAX_TEXT {
        return Err(format!("is {} bytes long; at most {MAX_TEXT} are read", bytes.len));
    }
    // SAFETY: passed on to the caller.
    let text = unsafe { bytes.as_slice() };
    String::from_utf8(text.to_vec()).map_err(|_| "is not UTF-8".into())
}

/// Copies a table of which `size` bytes are there; the rest is zero.
///
/// # Safety
/// `from` points to `size` bytes, and zero is a value of every field of `T`.
unsafe fn copy_up_to<T: Copy>(from: *const T, size: u32) -> T {
    let mut table = MaybeUninit::<T>::zeroed();
    let n_bytes = size_of::<T>().min(size as usize);
    // SAFETY: both sides have `n_bytes` bytes and do not overlap.
    unsafe { ptr::copy_nonoverlapping(from.cast::<u8>(), table.as_mut_ptr().cast::<u8>(), n_bytes) };
    // SAFETY: what was not copied is zero, which is a value of every field.
    unsafe { table.assume_init() }
}
