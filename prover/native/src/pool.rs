//! The threads that the work runs on.
//!
//! A process that was forked keeps the memory of its parent's threads but not the threads: work handed to them would
//! never end. So the pool remembers its process and is made anew in another one.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// Returns this process's pool: one thread for each core, or as many as `RAYON_NUM_THREADS` says.
///
/// # Errors
/// The operating system refuses the threads.
pub fn pool() -> Result<Arc<ThreadPool>> {
    let mut slot = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((process, pool)) = &*slot
        && *process == std::process::id()
    {
        return Ok(Arc::clone(pool));
    }
    let pool = ThreadPoolBuilder::new()
        .thread_name(|index| format!("zkm2m-{index}"))
        .build()
        .map(Arc::new)
        .map_err(|error| Error::value("threads", error.to_string()))?;
    if let Some((_, inherited)) = slot.replace((std::process::id(), Arc::clone(&pool))) {
        // Its threads are not in this process, so it can be neither used nor joined.
        std::mem::forget(inherited);
    }
    Ok(pool)
}
