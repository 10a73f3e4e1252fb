//! Where control groups can be made: below this process's own group, or in a folder at the top.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

use super::Groups;

/// The folder at the top of a hierarchy, for a process that is in no group of its own.
const TOP: &str = "sluicegate";

/// A hierarchy of groups, with the group of this process.
#[derive(Debug, PartialEq, Eq)]
struct Hierarchy {
    mount: PathBuf,
    own: PathBuf,
}

/// The hierarchies that matter here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    unified: Option<Hierarchy>,
    memory: Option<Hierarchy>,
    cpu: Option<Hierarchy>,
}

impl Places {
    /// Asks the kernel.
    pub(super) fn find() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self::parse(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"))
    }

    /// Reads what is mounted and in which groups this process is. A line of the latter is `NUMBER:CONTROLLERS:PATH`, without
    /// controllers for the unified hierarchy.
    fn parse(mounts: &str, own: &str) -> Self {
        let own_path = |controller: &str| {
            own.lines().find_map(|line| {
                let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
                controllers.split(',').any(|name| name == controller).then(|| PathBuf::from(path))
            })
        };
        let mut places = Self::default();
        for line in mounts.lines() {
            // Fields 4 and 5 are the mounted group and the mount point; type and options come behind the dash.
            let Some((before, behind)) = line.split_once(" - ") else { continue };
            let mut before = before.split(' ').skip(3);
            let (Some(root), Some(mount)) = (before.next(), before.next()) else { continue };
            let mut behind = behind.split(' ');
            let (file_system, options) = (behind.next(), behind.nth(1).unwrap_or_default());
            let has = |controller: &str| options.split(',').any(|option| option == controller);
            let hierarchy = |controller: &str| {
                let own = own_path(controller)?;
                // In a container the mount may begin at a group that is not the topmost.
                let own = own.strip_prefix(root).unwrap_or(Path::new("")).to_owned();
                Some(Hierarchy { mount: mount.into(), own })
            };
            match file_system {
                Some("cgroup2") => places.unified = hierarchy(""),
                Some("cgroup") if has("memory") => places.memory = hierarchy("memory"),
                Some("cgroup") if has("cpu") => places.cpu = hierarchy("cpu"),
                _ => {}
            }
        }
        places
    }

    /// Where the groups of a worker can be made.
    pub(super) fn groups(&self, name: &str) -> Groups {
        let of = |hierarchy: &Option<Hierarchy>| {
            hierarchy.as_ref().and_then(Hierarchy::base).map(|base| base.join(name))
        };
        Groups { unified: of(&self.unified), memory: of(&self.memory), cpu: of(&self.cpu) }
    }
}

impl Hierarchy {
    /// Where groups can be made: the first place that offers controllers to what is below it, else the first at all.
    fn base(&self) -> Option<PathBuf> {
        let (own, top) = (self.mount.join(&self.own), self.mount.join(TOP));
        let mut bases = Vec::new();
        // The root is left alone: its groups are those of the machine.
        if !self.own.as_os_str().is_empty() && self.own != Path::new("/") && is_writable(&own) {
            bases.push(own);
        }
        if is_writable(&top) || !top.exists() && is_writable(&self.mount) {
            bases.push(top);
        }
        let first = bases.first().cloned();
        bases.into_iter().find(|base| offers_controllers(base, &self.mount)).or(first)
    }
}

fn is_writable(folder: &Path) -> bool {
    folder.is_dir() && access(folder, Access::WRITE_OK).is_ok()
}

/// Tells whether groups below `base` can limit memory. In the unified hierarchy this must be switched on for each level; it is tried for
/// the folder at the top, which holds no processes itself.
fn offers_controllers(base: &Path, mount: &Path) -> bool {
    let file = |folder: &Path, name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let names = |text: &str| text.split_ascii_whitespace().any(|name| name == "memory");
    if !mount.join("cgroup.controllers").exists() {
        return true;
    }
    if names(&file(base, "cgroup.subtree_control")) {
        return true;
    }
    if base != mount.join(TOP) || !names(&file(mount, "cgroup.controllers")) {
        return false;
    }
    let switch_on = |folder: &Path| {
        ["+memory", "+cpu"]
            .map(|controller| fs::write(folder.join("cgroup.subtree_control"), controller).is_ok())
    };
    switch_on(mount);
    fs::create_dir_all(base).is_ok() && switch_on(base)[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hybrid_machine_has_the_unified_hierarchy_for_killing_and_older_ones_for_limits() {
        let mounts = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
            32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
            35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let own = "4:memory:/a/b\n1:cpu,cpuacct:/\n0::/c\n";
        let at =
            |mount: &str, own: &str| Some(Hierarchy { mount: mount.into(), own: Path::new(own).to_owned() });
        assert_eq!(
            Places::parse(mounts, own),
            Places {
                unified: at("/sys/fs/cgroup/unified", "c"),
                memory: at("/sys/fs/cgroup/memory", "a/b"),
                cpu: at("/sys/fs/cgroup/cpu", ""),
            }
        );
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_mount() {
        let mounts = "41 31 0:38 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        let places = Places::parse(mounts, "0::/docker/x/y\n");
        assert_eq!(places.unified, Some(Hierarchy { mount: "/sys/fs/cgroup".into(), own: "y".into() }));
    }

    #[test]
    fn groups_are_made_below_the_own_group_or_in_a_folder_at_the_top() {
        let mount = tempfile::tempdir().unwrap();
        let at = |own: &str| Hierarchy { mount: mount.path().to_owned(), own: own.into() };
        fs::create_dir(mount.path().join("own")).unwrap();
        assert_eq!(at("own").base(), Some(mount.path().join("own")));
        assert_eq!(at("").base(), Some(mount.path().join(TOP)));
        assert_eq!(at("gone").base(), Some(mount.path().join(TOP)));
    }

    #[test]
    fn the_top_is_preferred_when_only_its_groups_can_limit() {
        let mount = tempfile::tempdir().unwrap();
        let (own, top) = (mount.path().join("own"), mount.path().join(TOP));
        fs::create_dir_all(&own).unwrap();
        fs::create_dir_all(&top).unwrap();
        fs::write(mount.path().join("cgroup.controllers"), "cpu memory\n").unwrap();
        let hierarchy = Hierarchy { mount: mount.path().to_owned(), own: "own".into() };
        assert_eq!(hierarchy.base(), Some(top.clone()));
        assert_eq!(fs::read_to_string(top.join("cgroup.subtree_control")).unwrap(), "+cpu");
        fs::write(own.join("cgroup.subtree_control"), "memory\n").unwrap();
        assert_eq!(hierarchy.base(), Some(own));
    }
}
