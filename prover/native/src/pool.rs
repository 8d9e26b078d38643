//! The threads that the work runs on.
//!
//! A process that was forked keeps the memory of its parent's threads but not the threads: work handed to them would
//! never end. So the pool remembers its process and is made anew in another one.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// Threads that are started at their first use, and again in a process that was forked.
pub struct Threads {
    /// How many; 0 is one for each core, or as many as `RAYON_NUM_THREADS` says.
    count: usize,
    pool: Mutex<Option<(u32, Arc<ThreadPool>)>>,
}

static SHARED: Threads = Threads::new(0);

/// Returns this process's pool: one thread for each core, or as many as `RAYON_NUM_THREADS` says.
///
/// # Errors
/// The operating system refuses the threads.
pub fn pool() -> Result<Arc<ThreadPool>> {
    SHARED.pool()
}

impl Threads {
    /// Returns threads that are not started yet.
    #[must_use]
    pub const fn new(count: usize) -> Self {
        Self { count, pool: Mutex::new(None) }
    }

    /// Returns the pool of these threads in this process.
    ///
    /// # Errors
    /// The operating system refuses the threads.
    pub fn pool(&self) -> Result<Arc<ThreadPool>> {
        let mut slot = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((process, pool)) = &*slot
            && *process == std::process::id()
        {
            return Ok(Arc::clone(pool));
        }
        let pool = ThreadPoolBuilder::new()
            .num_threads(self.count)
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
}

impl Drop for Threads {
    fn drop(&mut self) {
        let slot = self.pool.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((process, pool)) = slot.take()
            && process != std::process::id()
        {
            std::mem::forget(pool);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_the_threads_that_were_asked_for_and_is_kept() {
        let threads = Threads::new(3);
        let pool = threads.pool().unwrap();
        assert_eq!(pool.current_num_threads(), 3);
        assert!(Arc::ptr_eq(&pool, &threads.pool().unwrap()));
        assert!(!Arc::ptr_eq(&pool, &super::pool().unwrap()));
    }
}
