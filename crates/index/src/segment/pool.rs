//! The threads that work on slices. They start with the second slice: a small repository never pays for them.

use super::Codec;
use super::slice::{ChunkDone, ChunkGrams, Slice, SliceDone, Worker};
use crate::WriteError;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

/// A piece of work.
#[derive(Debug)]
pub(crate) enum Job {
    Slice(Slice),
    Chunk(ChunkGrams),
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Done {
    Slice(SliceDone),
    Chunk(ChunkDone),
}

/// Workers, or the caller's own thread.
pub(crate) struct Pool {
    codec: Codec,
    n_threads: usize,
    own: Option<Worker>,
    threads: Option<Threads>,
    n_in_flight: usize,
}

struct Threads {
    jobs: Sender<Job>,
    done: Receiver<Result<Done, WriteError>>,
    handles: Vec<JoinHandle<()>>,
}

impl Pool {
    pub(crate) fn new(codec: Codec, n_threads: usize) -> Self {
        Pool { codec, n_threads, own: None, threads: None, n_in_flight: 0 }
    }

    /// Starts a piece of work and hands back what is finished by then. Waits while every thread has one piece of work and
    /// one waiting, so that memory stays bounded.
    pub(crate) fn submit(&mut self, job: Job) -> Result<Vec<Done>, WriteError> {
        if self.n_threads == 0 {
            let worker = self.own.get_or_insert_default();
            return Ok(vec![work(worker, job, self.codec)?]);
        }
        if self.threads.is_none() {
            self.threads = Some(start(self.n_threads, self.codec)?);
        }
        let Some(threads) = &self.threads else { return Err(WriteError::WorkerGone) };
        threads.jobs.send(job).map_err(|_| WriteError::WorkerGone)?;
        self.n_in_flight += 1;
        let mut finished = Vec::new();
        while self.n_in_flight > self.n_threads * 2 {
            finished.extend(self.wait()?);
        }
        Ok(finished)
    }

    /// Waits for the next finished piece; `None` where nothing is under way.
    pub(crate) fn wait(&mut self) -> Result<Option<Done>, WriteError> {
        if self.n_in_flight == 0 {
            return Ok(None);
        }
        let Some(threads) = &self.threads else { return Ok(None) };
        let done = threads.done.recv().map_err(|_| WriteError::WorkerGone)?;
        self.n_in_flight -= 1;
        done.map(Some)
    }

    /// Does the work on the caller's thread where no other has been started yet.
    pub(crate) fn finish_alone(&mut self) {
        if self.threads.is_none() {
            self.n_threads = 0;
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(Threads { jobs, done, handles }) = self.threads.take() {
            drop((jobs, done));
            // A worker that panicked has said so, and its absence is an error of the writer.
            handles.into_iter().for_each(|handle| drop(handle.join()));
        }
    }
}

fn start(n_threads: usize, codec: Codec) -> Result<Threads, WriteError> {
    let (jobs, waiting) = unbounded::<Job>();
    let (finished, done) = unbounded();
    let mut handles = Vec::with_capacity(n_threads);
    for number in 0..n_threads {
        let (waiting, finished) = (waiting.clone(), finished.clone());
        let run = move || {
            let mut worker = Worker::default();
            for job in waiting {
                // A lost piece of work would be waited for in vain: a panic must come back as a result.
                let done = catch_unwind(AssertUnwindSafe(|| work(&mut worker, job, codec)));
                if finished.send(done.unwrap_or(Err(WriteError::WorkerGone))).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name(format!("index-{number}"));
        handles.push(thread.spawn(run).map_err(|_| WriteError::WorkerGone)?);
    }
    Ok(Threads { jobs, done, handles })
}

fn work(worker: &mut Worker, job: Job, codec: Codec) -> Result<Done, WriteError> {
    Ok(match job {
        Job::Slice(slice) => Done::Slice(worker.slice(slice, codec)?),
        Job::Chunk(chunk) => Done::Chunk(worker.chunk(chunk)),
    })
}
