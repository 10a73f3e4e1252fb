//! The file of a native plugin, before any of its code runs.

use std::{
    fs::File,
    io::{Read, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{MemfdFlags, OFlags, SealFlags, fcntl_add_seals, memfd_create};

use crate::plugin::Refusal;

/// What an ELF file says it is for.
const MACHINES: [(u16, &str); 5] =
    [(3, "x86"), (40, "arm"), (62, "x86_64"), (183, "aarch64"), (243, "riscv64")];

/// A shared library that was read: nobody can change it any more.
pub(in crate::plugin) struct LibraryFile {
    path: PathBuf,
    content: Vec<u8>,
    hash: String,
}

impl LibraryFile {
    /// Reads a library, and verifies that it is a regular file of this user or root that nobody else can write, for this machine.
    pub(in crate::plugin) fn read(path: &Path) -> Result<Self, Refusal> {
        let unreadable = |source| Refusal::Unreadable { file: path.to_owned(), source };
        let real = path.canonicalize().map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => Refusal::NotBuilt { file: path.to_owned(), build: None },
            _ => unreadable(source),
        })?;
        // A pipe must not let us wait.
        let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        #[expect(clippy::cast_possible_wrap, reason = "flags are small bits")]
        let flags = flags.bits() as i32;
        let mut file = File::options().read(true).custom_flags(flags).open(&real).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        let file_name = || path.to_owned();
        if !about.is_file() {
            return Err(Refusal::NotRegular { file: file_name() });
        }
        let (owner, user) = (about.uid(), rustix::process::geteuid().as_raw());
        if owner != user && owner != 0 {
            return Err(Refusal::Owner { file: file_name(), owner, user });
        }
        let mode = about.mode() & 0o777;
        if mode & 0o022 != 0 {
            return Err(Refusal::Writable { file: file_name(), mode });
        }
        let mut content = Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0));
        file.read_to_end(&mut content).map_err(unreadable)?;
        verify_elf(&content, path)?;
        let hash = blake3::hash(&content).to_hex().to_string();
        Ok(Self { path: file_name(), content, hash })
    }

    /// BLAKE3 of the content, lowercase hexadecimal.
    pub(in crate::plugin) fn hash(&self) -> &str {
        &self.hash
    }

    /// Where it was read from.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The very content that was hashed, as a sealed file in memory, and a path by which it can be loaded.
    pub(super) fn sealed(&self, name: &str) -> std::io::Result<(File, PathBuf)> {
        let mut file: File = memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?.into();
        file.write_all(&self.content)?;
        fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd()).into();
        Ok((file, path))
    }
}

fn verify_elf(content: &[u8], path: &Path) -> Result<(), Refusal> {
    let file = || path.to_owned();
    let not = |why| Refusal::NotALibrary { file: file(), why };
    let header = content.get(..20).filter(|header| header.starts_with(b"\x7fELF"));
    let header = header.ok_or_else(|| not("it is no ELF file"))?;
    if header[5] != 1 {
        return Err(not("it is big-endian"));
    }
    let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let (class, kind, machine) = (header[4], half(16), half(18));
    let wanted = std::env::consts::ARCH;
    let name = MACHINES.iter().find(|(number, _)| *number == machine).map(|(_, name)| *name);
    if name != Some(wanted) || class != 2 {
        let name = name.map_or_else(|| format!("machine {machine}"), str::to_owned);
        let found = if class == 2 { name } else { format!("{name} with 32 bits") };
        return Err(Refusal::Architecture { file: file(), found, wanted });
    }
    if kind == 3 { Ok(()) } else { Err(not("it is a program or an object file")) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn refused(content: &[u8], mode: u32) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libx.so");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let refusal = LibraryFile::read(&path).err().unwrap();
        let place = folder.path().display().to_string();
        format!("{refusal} ({})", refusal.hint()).replace(&place, "")
    }

    fn elf(class: u8, kind: u8, machine: u8) -> Vec<u8> {
        let mut header = vec![0x7f, b'E', b'L', b'F', class, 1, 1];
        header.resize(16, 0);
        header.extend([kind, 0, machine, 0]);
        header
    }

    #[test]
    fn what_is_no_library_for_this_machine_is_refused_by_name() {
        assert_eq!(
            refused(b"#!/bin/sh", 0o644),
            "`/libx.so` is no shared library: it is no ELF file (link it as a shared library: `crate-type = [\"cdylib\"]`, or `cc -shared`)"
        );
        let other = if std::env::consts::ARCH == "aarch64" { (62, "x86_64") } else { (183, "aarch64") };
        assert!(
            refused(&elf(2, 3, other.0), 0o644).starts_with(&format!("`/libx.so` was built for {}", other.1))
        );
        assert!(refused(&elf(1, 3, 3), 0o644).contains("built for x86 with 32 bits"));
    }

    #[test]
    fn what_others_can_write_is_refused() {
        assert_eq!(
            refused(&elf(2, 3, 62), 0o664),
            "`/libx.so` can be written by others: its mode is 664 (`chmod go-w /libx.so`, if you trust it)"
        );
    }

    #[test]
    fn a_folder_a_pipe_and_nothing_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let read = |path: &Path| LibraryFile::read(path).err().unwrap();
        assert!(matches!(read(folder.path()), Refusal::NotRegular { .. }));
        assert!(matches!(read(&folder.path().join("libx.so")), Refusal::NotBuilt { .. }));
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from(0o600)).unwrap();
        assert!(matches!(read(&pipe), Refusal::NotRegular { .. }));
    }
}
