//! The way of a program's output to the log when it must not show secrets.

use std::{
    fs::File,
    io::{self, PipeReader, PipeWriter, Read, Write},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use sluicegate_plugin::Mask;

/// How long the rest of the output may take once the program has ended. A program that it left running may hold the pipe open;
/// what that one writes later is masked too.
const DRAINING: Duration = Duration::from_secs(1);

/// A pipe whose other end masks what it reads, and writes it to the log.
pub(crate) struct MaskedPipe {
    done: Receiver<()>,
}

impl MaskedPipe {
    /// A pipe with two ends to write to: standard output and standard error.
    pub(crate) fn new(log: File, mask: Mask) -> io::Result<(Self, PipeWriter, PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        let (tx, done) = channel();
        let copy = move || {
            copy(reader, log, &mask);
            let _ = tx.send(());
        };
        std::thread::Builder::new().name("masked output".into()).spawn(copy)?;
        Ok((Self { done }, writer.try_clone()?, writer))
    }

    /// Waits until all that the program wrote is in the log.
    pub(crate) fn drain(self) {
        let _ = self.done.recv_timeout(DRAINING);
    }
}

/// Copies until the pipe is closed. A log that cannot be written does not stop the program.
fn copy(mut reader: PipeReader, mut log: File, mask: &Mask) {
    let mut stream = mask.stream();
    let mut buffer = [0; 16 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(n_bytes @ 1..) => {
                let _ = log.write_all(&stream.feed(&buffer[..n_bytes]));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    let _ = log.write_all(&stream.finish());
}
