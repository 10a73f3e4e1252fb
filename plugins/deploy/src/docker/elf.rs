//! What a program needs to run elsewhere: its interpreter.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// The type of the program header that names the interpreter.
const PT_INTERP: u32 = 3;

/// The interpreter that a 64-bit little-endian ELF file asks for; `None` for one that is linked statically.
/// The layout is that of the System V ABI, chapters 4 and 5.
pub(super) fn interpreter(program: &Path) -> io::Result<Option<PathBuf>> {
    let file = File::open(program)?;
    let mut header = [0; 64];
    file.read_exact_at(&mut header, 0)?;
    if header[..6] != *b"\x7fELF\x02\x01" {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is not a 64-bit little-endian ELF program"));
    }
    let table = u64::from_le_bytes(bytes(&header, 32));
    let size = u64::from(u16::from_le_bytes(bytes(&header, 54)));
    let n_entries = u64::from(u16::from_le_bytes(bytes(&header, 56)));
    for entry_idx in 0..n_entries {
        let mut entry = [0; 56];
        file.read_exact_at(&mut entry, table + entry_idx * size)?;
        if u32::from_le_bytes(bytes(&entry, 0)) == PT_INTERP {
            let (offset, length) =
                (u64::from_le_bytes(bytes(&entry, 8)), u64::from_le_bytes(bytes(&entry, 32)));
            let length = usize::try_from(length).unwrap_or(usize::MAX).min(4096);
            let mut path = vec![0; length];
            file.read_exact_at(&mut path, offset)?;
            let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
            return Ok(Some(PathBuf::from(String::from_utf8_lossy(path).into_owned())));
        }
    }
    Ok(None)
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> [u8; N] {
    let mut found = [0; N];
    found.copy_from_slice(&from[at..at + N]);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_names_an_interpreter_that_exists() {
        let interpreter = interpreter(&std::env::current_exe().unwrap()).unwrap().unwrap();
        assert!(interpreter.exists(), "{}", interpreter.display());
    }

    #[test]
    fn a_script_is_not_a_program_for_an_image() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("#!/bin/sh\n{}", " ".repeat(80))).unwrap();
        assert!(interpreter(file.path()).unwrap_err().to_string().contains("not a 64-bit"));
    }
}
