//! How the system's allocator keeps memory between granules. The only module with `unsafe`: the C
//! library offers this by a function alone.
#![allow(unsafe_code, reason = "mallopt has no safe form")]

/// Arrays of a few megabytes come and go with every granule. By default the C library gives each back
/// to the system and has it zeroed again, a page at a time: a sixth of an area job's time. Dask has its workers
/// do so with everything of more than 128 kB: a quarter of a task's time.
///
/// For processes that are there for this work: others have their own reasons for what they keep.
pub fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        const KEPT: libc::c_int = 64 << 20;
        // The most that is taken: larger ones are still mapped each on its own.
        const MAPPED_FROM: libc::c_int = 32 << 20;
        let arenas = std::thread::available_parallelism().map_or(1, usize::from);
        let arenas = libc::c_int::try_from(arenas).unwrap_or(libc::c_int::MAX);
        // SAFETY: mallopt takes integers, under the lock of the main arena. What it sets are single words,
        // of which other threads see the old value or the new, and both will do. A refusal leaves the default.
        ONCE.call_once(|| unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM);
            libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
            libc::mallopt(libc::M_ARENA_MAX, arenas);
        });
    }
}
