//! A volume of a Secret or a `ConfigMap` as the kubelet makes and changes it.
//!
//! Invariant: all files change at one moment, by the rename of a link, as in
//! <https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/volume/util/atomic_writer.go>.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// A mounted directory.
pub(super) struct Volume {
    directory: PathBuf,
    /// How often it was written.
    writes: u32,
}

impl Volume {
    /// An empty one, which is made.
    pub(super) fn new(directory: PathBuf) -> Self {
        fs::create_dir(&directory).expect("a directory");
        Self { directory, writes: 0 }
    }

    pub(super) fn path(&self) -> &Path {
        &self.directory
    }

    /// Puts these files in place of those before.
    pub(super) fn write(&mut self, files: &[(&str, &str)]) {
        let before = fs::read_link(self.directory.join("..data")).ok();
        self.writes += 1;
        let name = format!("..2026_11_27_00_00_00.{}", self.writes);
        let directory = self.directory.join(&name);
        fs::create_dir(&directory).expect("a directory");
        for (file, text) in files {
            let path = directory.join(file);
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).expect("a file");
        }

        let (link, next) = (self.directory.join("..data"), self.directory.join("..data_tmp"));
        symlink(&name, &next).expect("a link");
        fs::rename(&next, &link).expect("a link");
        for (file, _) in files {
            let shown = self.directory.join(file);
            if fs::symlink_metadata(&shown).is_err() {
                symlink(Path::new("..data").join(file), &shown).expect("a link");
            }
        }
        if let Some(before) = before {
            fs::remove_dir_all(self.directory.join(before)).expect("the files before");
        }
    }
}
