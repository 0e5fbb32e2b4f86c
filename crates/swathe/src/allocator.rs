//! How the system's allocator keeps memory between granules. The only module with `unsafe`: the C
//! library offers this by a function alone.
#![allow(
    unsafe_code,
    reason = "mallopt has no safe form; it is called before other threads begin"
)]

/// Arrays of a few megabytes come and go with every granule. By default the C library gives each back
/// to the system and has it zeroed again, a page at a time: a sixth of an area job's time.
pub fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const KEPT: libc::c_int = 64 << 20;
        // The most that is taken: larger ones are still mapped each on its own.
        const MAPPED_FROM: libc::c_int = 32 << 20;
        let arenas = std::thread::available_parallelism().map_or(1, usize::from);
        let arenas = libc::c_int::try_from(arenas).unwrap_or(libc::c_int::MAX);
        // SAFETY: mallopt takes integers and is called while there is one thread. A refusal leaves the
        // default.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM);
            libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
            libc::mallopt(libc::M_ARENA_MAX, arenas);
        }
    }
}
