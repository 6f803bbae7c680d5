//! How much memory is left: what a file asks for is compared with it before it is set aside.
//!
//! A system grants more than it has and ends the process that uses it, without a word. Linux tells how much it has; where
//! that is not known nothing is refused.

use std::fs;

use anyhow::{Result, ensure};

/// What was free when it was asked for, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Free(Option<u64>);

impl Free {
    /// The least of what the machine has left, the limit of the control group and the room in the process's address space.
    pub(crate) fn now() -> Self {
        Free([machine(), group(), address_space()].into_iter().flatten().min())
    }

    /// Refuses `what`, which takes so many bytes, where they are not there.
    pub(crate) fn holds(self, bytes: u64, what: impl FnOnce() -> String) -> Result<()> {
        let free = self.0.unwrap_or(u64::MAX);
        ensure!(
            bytes <= free,
            "found {}, {} MB in memory, expected at most the {} MB that are free",
            what(),
            bytes.div_ceil(MEGA),
            free / MEGA
        );
        Ok(())
    }
}

const MEGA: u64 = 1_000_000;

/// Memory and swap that can be had without taking them from others.
fn machine() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    Some(kilobytes(&text, "MemAvailable:")? + kilobytes(&text, "SwapFree:").unwrap_or(0))
}

/// The limit of the control group (version 2) that this process is in.
fn group() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let name = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let limit = fs::read_to_string(format!("/sys/fs/cgroup/{name}/memory.max")).ok()?;
    limit.trim().parse().ok()
}

/// What `ulimit -v` leaves.
fn address_space() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
    let taken = kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmSize:")?;
    Some(limit.saturating_sub(taken))
}

/// The bytes of a line `name 1234 kB`.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let count: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    count.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_holds_what_is_small_and_no_more() {
        let free = Free(Some(5_000_000));
        assert!(free.holds(5_000_000, String::new).is_ok());
        let refused = free.holds(5_000_001, || "numbers".to_owned()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "found numbers, 6 MB in memory, expected at most the 5 MB that are free"
        );
        assert!(Free(None).holds(u64::MAX, String::new).is_ok());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_what_is_free() {
        assert!(Free::now().holds(1 << 20, String::new).is_ok());
        assert!(Free::now().holds(u64::MAX, String::new).is_err());
        assert_eq!(
            kilobytes("A: 1 kB\nVmSize:\t  12 kB\n", "VmSize:"),
            Some(12 * 1024)
        );
        assert_eq!(kilobytes("VmSize: many\n", "VmSize:"), None);
    }
}
