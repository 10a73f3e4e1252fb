//! A file of lines that does not grow for ever: when it is large it is put aside, and only so many old ones are kept.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    /// A file that would grow beyond so many bytes is put aside.
    pub(super) bytes: u64,
    /// So many that were put aside are kept, as `NAME.1` (the youngest) and so on.
    pub(super) n_old: u32,
}

/// A file of lines, readable for its owner alone.
pub(super) struct Rotated {
    path: PathBuf,
    keep: Keep,
    file: Arc<File>,
    size: u64,
    /// True when the last line is not whole, because of a crash or a full disk.
    torn: bool,
}

/// The file that was put aside as the `n`-th.
pub(super) fn old(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}

fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).read(true).mode(0o600).open(path)
}

impl Rotated {
    /// Goes on with a file, or makes it.
    pub(super) fn open(path: PathBuf, keep: Keep) -> io::Result<Self> {
        let mut file = open(&path)?;
        let size = file.metadata()?.len();
        let mut last = [b'\n'];
        if size > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        Ok(Self { path, keep, file: Arc::new(file), size, torn: last != *b"\n" })
    }

    /// Adds a line. Returns the file that has it, for whoever wants to wait for the disk; better not while others wait to write.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<Arc<File>> {
        let more = line.len() as u64 + 1;
        if self.size > 0
            && self.size + more > self.keep.bytes
            && let Err(error) = self.put_aside()
        {
            // A line in a file that is too large is worth more than none.
            tracing::error!("`{}` cannot be put aside: {error}", self.path.display());
        }
        let begin: &[u8] = if self.torn { b"\n" } else { b"" };
        let text = [begin, line, b"\n"].concat();
        self.torn = true;
        (&*self.file).write_all(&text)?;
        (self.torn, self.size) = (false, self.size + text.len() as u64);
        Ok(Arc::clone(&self.file))
    }

    /// Puts the file aside and begins another. A crash between two steps leaves a number free, which the next time fills, and no line is lost
    /// but those of the oldest file.
    fn put_aside(&mut self) -> io::Result<()> {
        let n_old = self.keep.n_old.max(1);
        let free = (1..n_old).find(|n| !old(&self.path, *n).exists()).unwrap_or(n_old);
        for n in (1..free).rev() {
            std::fs::rename(old(&self.path, n), old(&self.path, n + 1))?;
        }
        self.file.sync_data()?;
        std::fs::rename(&self.path, old(&self.path, 1))?;
        self.file = Arc::new(open(&self.path)?);
        (self.size, self.torn) = (0, false);
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Keep = Keep { bytes: 12, n_old: 2 };

    fn lines(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn so_many_files_are_kept_and_the_oldest_go() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("trail");
        let mut file = Rotated::open(path.clone(), KEEP).unwrap();
        for n in 0..8 {
            file.append(format!("line{n}").as_bytes()).unwrap().sync_data().unwrap();
        }
        assert_eq!(lines(&path), "line6\nline7\n");
        assert_eq!(
            (lines(&old(&path, 1)).as_str(), lines(&old(&path, 2)).as_str()),
            ("line4\nline5\n", "line2\nline3\n")
        );
        assert!(!old(&path, 3).exists());
    }

    #[test]
    fn a_line_that_a_crash_cut_off_spoils_no_other_and_a_crash_while_putting_aside_loses_none() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("trail");
        std::fs::write(&path, "whole\nhal").unwrap();
        // The crash came between two renames: the first number is free.
        std::fs::write(old(&path, 2), "older\n").unwrap();
        let mut file = Rotated::open(path.clone(), Keep { bytes: 15, n_old: 3 }).unwrap();
        file.append(b"next").unwrap();
        assert_eq!(lines(&path), "whole\nhal\nnext\n");
        file.append(b"more").unwrap();
        assert_eq!((lines(&path).as_str(), lines(&old(&path, 1)).as_str()), ("more\n", "whole\nhal\nnext\n"));
        assert_eq!(lines(&old(&path, 2)), "older\n");
    }
}
