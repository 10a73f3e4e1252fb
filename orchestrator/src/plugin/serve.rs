//! The child that speaks the plugin protocol for a library: it loads the library, describes its kinds, and answers. It runs no task.

use std::{
    io::{self, BufRead, Write},
    path::Path,
};

use sluicegate_plugin::{Answer, TaskError};

use super::{
    Refusal,
    asked::Code,
    confine,
    library::{LibraryCode, LibraryFile, OpenLibrary},
    protocol::{Hello, MAX_LINE, Reply, Request, line},
};

/// Serves a library on standard input and output until they close. Returns the exit code.
pub fn serve_library(path: &Path, name: &str, hash: &str) -> u8 {
    let (mut requests, mut replies) = match take_channel() {
        Ok(channel) => channel,
        Err(error) => {
            let _ = writeln!(io::stderr(), "the channel cannot be taken over: {error}");
            return 70;
        }
    };
    // It may write nowhere. A kernel that cannot hold that lets it be, as it lets the tasks be.
    let _ = confine::write_only_below(&[]);
    let code = match open(path, name, hash) {
        Ok(code) => code,
        Err(refusal) => {
            let error = TaskError::from(refusal);
            send(&mut replies, &Reply::Refused { error });
            return 0;
        }
    };
    let library = code.library();
    let hello = Hello::new(&library.name, &library.version, &library.build, &library.manifests());
    send(&mut replies, &Reply::Hello(Box::new(hello)));
    let mut text = Vec::new();
    loop {
        text.clear();
        match io::Read::take(&mut requests, MAX_LINE as u64 + 1).read_until(b'\n', &mut text) {
            Ok(0) | Err(_) => return 0,
            Ok(_) => {}
        }
        let Ok(Request::Ask { id, kind, about, request }) = serde_json::from_slice(&text) else { continue };
        let answer = code.ask(&kind, about, &request);
        let answer = answer.unwrap_or_else(|error| Answer { error: Some(error), ..Answer::default() });
        send(&mut replies, &Reply::Answer { id, answer: Box::new(answer) });
    }
}

fn open(path: &Path, name: &str, hash: &str) -> Result<LibraryCode, Refusal> {
    let file = LibraryFile::read(path)?;
    super::loader::unchanged(path, hash, file.hash())?;
    Ok(LibraryCode::new(OpenLibrary::open(&file, name)?, None))
}

/// An answer that does not fit is told as an error; whoever does not listen any more hears nothing.
fn send(replies: &mut std::fs::File, reply: &Reply) {
    let text = line(reply).or_else(|why| {
        let Reply::Answer { id, .. } = reply else { return Err(why) };
        let error = Some(TaskError::permanent("large_answer", why));
        line(&Reply::Answer { id: *id, answer: Box::new(Answer { error, ..Answer::default() }) })
    });
    if let Ok(text) = text {
        let _ = replies.write_all(&text);
    }
}

/// Takes standard input and output over; what the library prints goes to standard error.
fn take_channel() -> io::Result<(io::BufReader<std::fs::File>, std::fs::File)> {
    let requests = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)?;
    let replies = rustix::io::fcntl_dupfd_cloexec(io::stdout(), 3)?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    let requests: std::fs::File = requests.into();
    Ok((io::BufReader::new(requests), replies.into()))
}

/// Confines this process to writing below folders, and becomes another program: `FOLDER… -- PROGRAM ARGUMENT…`. Returns only when it
/// cannot.
pub fn become_confined(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    use std::os::unix::process::CommandExt as _;
    let mut arguments = arguments.into_iter();
    let folders: Vec<_> = arguments.by_ref().take_while(|word| word != "--").map(Into::into).collect();
    let Some(program) = arguments.next() else { return 2 };
    let error = match confine::write_only_below(&folders) {
        Ok(held) => {
            if !held {
                let _ = writeln!(io::stderr(), "warning: {}", confine::NOT_HELD);
            }
            std::process::Command::new(&program).args(arguments).exec().to_string()
        }
        Err(error) => error.to_string(),
    };
    let _ = writeln!(io::stderr(), "`{}` cannot be started: {error}", program.to_string_lossy());
    127
}
