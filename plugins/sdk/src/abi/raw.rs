//! The tables of `include/sluicegate.h`, field by field. A test parses the header and compares.

use std::{
    ffi::c_void,
    mem::{offset_of, size_of},
    slice,
};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;

/// What a plugin's table begins with: `SLG1`.
pub const MAGIC: u32 = 0x3147_4C53;
/// The major version: another one has another layout.
pub const ABI_MAJOR: u16 = 1;
/// The minor version: a greater one has more fields at the end.
pub const ABI_MINOR: u16 = 0;
/// The one symbol that a plugin exports; the major version is in its name.
pub const SYMBOL: &str = "sluice_plugin_v1";

/// How a call ended.
pub type Status = i32;
/// It went well.
pub const OK: Status = 0;
/// It did not; `fail`, or the host function that failed, said why.
pub const FAILED: Status = 1;
/// The task stopped because it was asked to.
pub const CANCELLED: Status = 2;
/// A mistake in the kind; `fail` said which.
pub const PANICKED: Status = 3;
/// The kind has nothing to say about what it was asked.
pub const UNSUPPORTED: Status = 4;
/// There is no such parameter, input or secret.
pub const ABSENT: Status = 5;

/// A borrowed text or JSON document.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// The first byte; may be null when `len` is zero.
    pub ptr: *const u8,
    /// The number of bytes.
    pub len: usize,
}

impl Bytes {
    /// Borrows a text for the length of a call.
    pub const fn of(text: &str) -> Self {
        Self { ptr: text.as_ptr(), len: text.len() }
    }

    /// The bytes.
    ///
    /// # Safety
    /// `ptr` and `len` describe initialised memory that nobody writes to during `'a`.
    pub unsafe fn as_slice<'a>(self) -> &'a [u8] {
        if self.len == 0 || self.ptr.is_null() {
            return &[];
        }
        // SAFETY: the caller vouches for pointer and length; null is handled above.
        unsafe { slice::from_raw_parts(self.ptr, self.len) }
    }

    /// The text; what is not UTF-8 is replaced.
    ///
    /// # Safety
    /// As for [`Self::as_slice`].
    pub unsafe fn to_text(self) -> String {
        // SAFETY: passed on to the caller.
        String::from_utf8_lossy(unsafe { self.as_slice() }).into_owned()
    }
}

/// Receives a text and copies it.
pub type Sink = unsafe extern "C" fn(user: *mut c_void, text: Bytes);

/// A [`Sink`] that keeps a copy in the `Option<Vec<u8>>` that `user` points to.
///
/// # Safety
/// `user` points to an `Option<Vec<u8>>`, and `text` is what [`Bytes::as_slice`] wants.
pub unsafe extern "C" fn keep(user: *mut c_void, text: Bytes) {
    // SAFETY: the caller gives a pointer to an `Option<Vec<u8>>` that nobody else uses during the call.
    let slot = unsafe { &mut *user.cast::<Option<Vec<u8>>>() };
    // SAFETY: the caller vouches for the text.
    *slot = Some(unsafe { text.as_slice() }.to_vec());
}

/// What a running task can ask of the host.
#[repr(C)]
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the header documents every function")]
pub struct HostTable {
    pub size: u32,
    pub abi_minor: u32,
    pub log: unsafe extern "C" fn(*mut c_void, i32, Bytes),
    pub metric: unsafe extern "C" fn(*mut c_void, Bytes, f64),
    pub progress: unsafe extern "C" fn(*mut c_void, f64, Bytes),
    pub cancelled: unsafe extern "C" fn(*mut c_void) -> i32,
    pub param: unsafe extern "C" fn(*mut c_void, Bytes, Sink, *mut c_void) -> Status,
    pub input_table: unsafe extern "C" fn(*mut c_void, Bytes, *mut FFI_ArrowArrayStream) -> Status,
    pub input_path: unsafe extern "C" fn(*mut c_void, Bytes, Sink, *mut c_void) -> Status,
    pub input_json: unsafe extern "C" fn(*mut c_void, Bytes, Sink, *mut c_void) -> Status,
    pub output_table: unsafe extern "C" fn(*mut c_void, Bytes, *mut FFI_ArrowArrayStream) -> Status,
    pub output_path: unsafe extern "C" fn(*mut c_void, Bytes, Bytes, Sink, *mut c_void) -> Status,
    pub output_value: unsafe extern "C" fn(*mut c_void, Bytes, Bytes) -> Status,
    pub secret: unsafe extern "C" fn(*mut c_void, Bytes, Sink, *mut c_void) -> Status,
    pub summary: unsafe extern "C" fn(*mut c_void, Bytes),
    pub verdict: unsafe extern "C" fn(*mut c_void, Bytes) -> Status,
    pub fail: unsafe extern "C" fn(*mut c_void, Bytes),
}

/// `describe` of a kind.
pub type DescribeFn = unsafe extern "C" fn(Sink, *mut c_void) -> Status;
/// `run` of a kind.
pub type RunFn = unsafe extern "C" fn(*const HostTable, *mut c_void, Bytes) -> Status;
/// `ask` of a kind.
pub type AskFn = unsafe extern "C" fn(Bytes, Bytes, Sink, *mut c_void) -> Status;

/// One kind.
#[repr(C)]
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the header documents every field")]
pub struct KindTable {
    pub manifest: Bytes,
    pub describe: Option<DescribeFn>,
    pub run: Option<RunFn>,
    pub ask: Option<AskFn>,
}

/// The plugin.
#[repr(C)]
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the header documents every field")]
pub struct PluginTable {
    pub magic: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub size: u32,
    pub kind_stride: u32,
    pub min_host_size: u32,
    pub n_kinds: u32,
    pub kinds: *const KindTable,
    pub name: Bytes,
    pub version: Bytes,
    pub build: Bytes,
}

// SAFETY: the tables are constants: nothing writes to them or to what they point to.
unsafe impl Sync for KindTable {}
// SAFETY: as above.
unsafe impl Sync for PluginTable {}

/// What every version of a kind's table has: `ask` may be left out.
pub const KIND_SIZE_MIN: u32 = size_u32(offset_of!(KindTable, ask));
/// What every version of a plugin's table has: `build` may be left out.
pub const PLUGIN_SIZE_MIN: u32 = size_u32(offset_of!(PluginTable, build));
/// The size of the host's table in this version.
pub const HOST_SIZE: u32 = size_u32(size_of::<HostTable>());

/// The size of a table, which is small.
#[expect(clippy::cast_possible_truncation, reason = "the tables have a few hundred bytes")]
pub const fn size_u32(size: usize) -> u32 {
    size as u32
}

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<Bytes>() == 16);
    assert!(size_of::<KindTable>() == 40 && offset_of!(KindTable, ask) == 32);
    assert!(size_of::<PluginTable>() == 80 && offset_of!(PluginTable, build) == 64);
    assert!(size_of::<HostTable>() == 128 && offset_of!(HostTable, fail) == 120);
};

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
