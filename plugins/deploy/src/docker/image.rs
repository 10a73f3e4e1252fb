//! Images built from nothing: the server with its libraries, and on top of it one layer with the bundle.
//!
//! Both are named by the hash of their content, so that what is there already is not built again.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use bollard::{
    Docker, body_try_stream,
    errors::Error,
    query_parameters::{BuildImageOptions, RemoveImageOptions},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use sluicegate_plugin::{LogLevel, TaskError};
use tokio::sync::mpsc;

use super::{elf, refused};
use crate::{program::ServerProgram, rollout::Candidate};

/// The server inside an image.
pub(super) const SERVER: &str = "/sluice-server";

/// The bundle inside an image.
pub(super) const BUNDLE: &str = "/model.bundle";

/// Where the libraries are inside an image.
pub(super) const LIBRARIES: &str = "/lib/sluicegate";

/// The repository of the images that hold the server alone.
const SERVER_REPOSITORY: &str = "sluicegate-server";

/// The repository of the images that hold a bundle too.
const MODEL_REPOSITORY: &str = "sluicegate-model";

/// Bytes that travel to the engine at a time.
const CHUNK: usize = 256 << 10;

/// A file or a folder of an image.
pub(super) struct Entry {
    /// The file; `None` for an empty folder that everyone may write to.
    from: Option<PathBuf>,
    /// Absolute.
    pub(super) to: String,
    mode: u32,
}

impl Entry {
    pub(super) fn file(from: PathBuf, to: String, mode: u32) -> Self {
        Self { from: Some(from), to, mode }
    }

    /// An empty folder that everyone may write to.
    pub(super) fn folder(to: &str) -> Self {
        Self { from: None, to: to.into(), mode: 0o1777 }
    }
}

/// What an image is built of: a Dockerfile, and files that it finds below `root/`.
pub(super) struct Content {
    pub(super) dockerfile: String,
    pub(super) entries: Vec<Entry>,
}

/// Builds what is missing and returns the name of the image that serves the candidate's bundle.
pub(super) async fn prepare(
    docker: &Docker,
    candidate: &Candidate<'_>,
    program: &ServerProgram,
) -> Result<String, TaskError> {
    let entries = program_entries(program, SERVER)
        .map_err(|error| TaskError::permanent("docker", program.cannot("put into an image", &error)))?;
    let server = hash(&entries)
        .map_err(|error| TaskError::transient("io", format!("cannot read the server: {error}")))?;
    let base = format!("{SERVER_REPOSITORY}:{server}");
    if !exists(docker, &base).await? {
        candidate.ctx.info(&format!("building the image {base}"));
        if program.is_large() {
            let warning = "`sluice-server` is not beside `sluice`, so that the image holds all of `sluice`; \
                           `cargo build --bins` builds both, and every package installs both";
            candidate.ctx.log(LogLevel::Warn, warning);
        }
        let dockerfile = format!("FROM scratch\nCOPY root/ /\nENV LD_LIBRARY_PATH={LIBRARIES}\n");
        build(docker, &base, Content { dockerfile, entries }).await?;
    }
    let name = format!(
        "{MODEL_REPOSITORY}:{}-{server}",
        &candidate.record.bundle[..candidate.record.bundle.len().min(16)]
    );
    if !exists(docker, &name).await? {
        candidate.ctx.info(&format!("building the image {name}"));
        let bundle = Entry::file(candidate.bundle()?, BUNDLE.into(), 0o444);
        let dockerfile = format!("FROM {base}\nCOPY root/ /\n");
        build(docker, &name, Content { dockerfile, entries: vec![bundle] }).await?;
    }
    Ok(name)
}

/// A program, its interpreter at the very place that it names, and its libraries.
pub(super) fn program_entries(program: &ServerProgram, to: &str) -> io::Result<Vec<Entry>> {
    let mut entries = vec![Entry::file(program.exe.clone(), to.into(), 0o555)];
    if let Some(interpreter) = elf::interpreter(&program.exe)? {
        let place = interpreter.to_string_lossy().into_owned();
        entries.push(Entry::file(interpreter, place, 0o555));
        for library in program.libraries()? {
            let name = library.file_name().unwrap_or_default().to_string_lossy().into_owned();
            entries.push(Entry::file(library, format!("{LIBRARIES}/{name}"), 0o555));
        }
    }
    Ok(entries)
}

/// The first 16 digits of the BLAKE3 of every path and content.
fn hash(entries: &[Entry]) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    for entry in entries {
        let mut content = blake3::Hasher::new();
        if let Some(from) = &entry.from {
            content.update_reader(std::fs::File::open(from)?)?;
        }
        hasher.update(entry.to.as_bytes()).update(b"\0").update(content.finalize().as_bytes());
    }
    Ok(hasher.finalize().to_hex()[..16].to_owned())
}

async fn exists(docker: &Docker, image: &str) -> Result<bool, TaskError> {
    match docker.inspect_image(image).await {
        Ok(_) => Ok(true),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
        Err(error) => Err(refused("look for an image")(error)),
    }
}

/// The size of an image in bytes.
pub(super) async fn size(docker: &Docker, image: &str) -> Result<u64, TaskError> {
    let found = docker.inspect_image(image).await.map_err(refused("look at the image"))?;
    Ok(found.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default())
}

/// Builds an image.
pub(super) async fn build(docker: &Docker, name: &str, content: Content) -> Result<(), TaskError> {
    let (sender, receiver) = mpsc::channel(8);
    let packer = std::thread::spawn(move || {
        let mut pipe = Pipe { sender: sender.clone(), chunk: Vec::with_capacity(CHUNK) };
        if let Err(error) = pack(&mut pipe, &content) {
            // The engine sees a body that breaks off, and fails the build.
            let _ = sender.blocking_send(Err(error));
        }
    });
    let chunks = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    let options = BuildImageOptions {
        dockerfile: "Dockerfile".into(),
        t: Some(name.into()),
        rm: true,
        forcerm: true,
        ..Default::default()
    };
    let mut steps = docker.build_image(options, None, Some(body_try_stream(chunks)));
    let mut result = Ok(());
    while let Some(step) = steps.next().await {
        if let Err(error) = step {
            result = Err(refused("build the image")(error));
            break;
        }
    }
    drop(steps);
    let _ = packer.join();
    result
}

fn pack(pipe: &mut Pipe, content: &Content) -> io::Result<()> {
    let mut archive = tar::Builder::new(&mut *pipe);
    let mut header = header(0o444, content.dockerfile.len() as u64);
    archive.append_data(&mut header, "Dockerfile", content.dockerfile.as_bytes())?;
    for entry in &content.entries {
        let to = format!("root{}", entry.to);
        if let Some(from) = &entry.from {
            let file = std::fs::File::open(from)?;
            let mut header = self::header(entry.mode, file.metadata()?.len());
            archive.append_data(&mut header, to, file)?;
        } else {
            let mut header = self::header(entry.mode, 0);
            header.set_entry_type(tar::EntryType::Directory);
            archive.append_data(&mut header, to, io::empty())?;
        }
    }
    archive.finish()?;
    drop(archive);
    pipe.flush()
}

fn header(mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(size);
    // A fixed time: equal files make equal layers.
    header.set_mtime(0);
    header
}

/// Hands what is written on to the request's body, a chunk at a time.
struct Pipe {
    sender: mpsc::Sender<io::Result<Bytes>>,
    chunk: Vec<u8>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        let closed = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the Docker engine stopped listening");
        self.sender.blocking_send(Ok(chunk.into())).map_err(closed)
    }
}

/// Removes an image that no container uses, and the server's image below it when no other image stands on it.
pub(super) async fn remove_unused(docker: &Docker, image: &str) {
    // Both are refused while they are in use, which is what is wanted.
    let _ = docker.remove_image(image, None::<RemoveImageOptions>, None).await;
    if let Some((_, server)) = image.rsplit_once('-') {
        let _ = docker
            .remove_image(&format!("{SERVER_REPOSITORY}:{server}"), None::<RemoveImageOptions>, None)
            .await;
    }
}
