//! The manifests as kubectl renders them, and as Kubernetes' own schemas take them.
//!
//! Without kubectl or kubernetes-validate, what is not tested is said; with `RESTORE_WATCH_REQUIRE_KUBERNETES=1`, that is a
//! failure.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{FOLDERS, place, text};
use crate::support::{Folder, skipped};
use crate::yaml;

/// The oldest version that has all that the manifests use as stable, the newest one, and one in between.
const VERSIONS: [&str; 3] = ["1.31.0", "1.34.0", "1.37.0"];

/// Where `.ci/run` unpacks Debian's, whose kustomize is an old one; it may be beside another one that is installed.
const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/kubectl/usr/bin/kubectl");

/// Says that something is not tested, unless it must be.
fn skip(what: &str) {
    let is_required = std::env::var("RESTORE_WATCH_REQUIRE_KUBERNETES").is_ok_and(|value| value == "1");
    assert!(!is_required, "not tested here, and it must be: {what}");
    skipped(what);
}

/// The kubectls of this machine.
fn kubectls() -> Vec<&'static str> {
    let runs = |program: &&str| {
        let done = Command::new(program).args(["version", "--client"]).output();
        done.is_ok_and(|done| done.status.success())
    };
    let found: Vec<_> = [UNPACKED, "kubectl"].into_iter().filter(runs).collect();
    if found.is_empty() {
        skip("kubectl is not here, so no kustomization is rendered");
    }
    found
}

/// What `kubectl apply -k` would apply. Fails if it has a remark.
#[track_caller]
fn rendered(kubectl: &str, folder: &Path) -> String {
    let done = Command::new(kubectl).arg("kustomize").arg(folder).output().expect("kubectl");
    assert!(
        done.status.success() && done.stderr.is_empty(),
        "{kubectl}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).expect("text")
}

/// The documents by kind and name.
fn documents(text: &str) -> BTreeMap<String, Value> {
    let tree = |text: &str| {
        let tree = yaml::read(text);
        (format!("{} {}", yaml::text(&tree["kind"]), yaml::text(&tree["metadata"]["name"])), tree)
    };
    text.split("\n---\n").map(tree).collect()
}

#[test]
fn kubectls_render_the_same() {
    for folder in FOLDERS {
        let rendered: Vec<_> =
            kubectls().into_iter().map(|kubectl| documents(&rendered(kubectl, &place(folder)))).collect();

        for documents in &rendered {
            assert_eq!(documents, &rendered[0], "{folder}");
            for (name, tree) in documents.iter().filter(|(name, _)| !name.starts_with("Namespace ")) {
                assert_eq!(tree["metadata"]["namespace"], "restore-watch", "{folder}: {name}");
            }
            let pod =
                documents.values().map(|tree| &tree["spec"]["template"]["spec"]).find(|pod| pod.is_object());
            let image = yaml::text(&pod.expect("a pod")["containers"][0]["image"]);
            assert_eq!(
                image,
                concat!("registry.example/restore-watch:", env!("CARGO_PKG_VERSION")),
                "{folder}"
            );
        }
        if let Some(map) = rendered.iter().find_map(|documents| documents.get("ConfigMap restore-watch")) {
            assert_eq!(yaml::text(&map["data"]["config.toml"]), text(&format!("{folder}/config.toml")));
        }
    }
}

/// Whether the schemas of a version take these files, and what is said of them. `None` if there is no validator.
fn validate(version: &str, files: &[String]) -> Option<(bool, String)> {
    let mut command = Command::new("kubernetes-validate");
    let done = command.args(["--strict", "--kubernetes-version", version]).args(files).output();
    let Ok(done) = done else {
        skip("kubernetes-validate is not here, so no manifest is held against the schemas of Kubernetes");
        return None;
    };
    Some((done.status.success(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned()))
}

#[test]
fn schemas_of_kubernetes_take_the_manifests() {
    let (Some(kubectl), folder) = (kubectls().pop(), Folder::new()) else { return };
    let mut files: Vec<_> =
        FOLDERS.map(|name| folder.write(&format!("{name}.yaml"), rendered(kubectl, &place(name)))).into();
    files.push(folder.write("rollout.yaml", text("rollout.yaml")));
    let documents: usize =
        files.iter().map(|file| documents(&std::fs::read_to_string(file).expect("a file")).len()).sum();

    for version in VERSIONS {
        let Some((is_valid, said)) = validate(version, &files) else { return };

        assert!(is_valid, "{version}: {said}");
        assert_eq!(said.matches(" passed for resource ").count(), documents, "{version}: {said}");
    }
}

#[test]
fn schemas_of_kubernetes_refuse_a_misspelled_key() {
    let folder = Folder::new();
    let misspelled = text("rollout.yaml").replace("runAsNonRoot", "runAsNonroot");
    let file = folder.write("rollout.yaml", misspelled);

    let Some((is_valid, said)) = validate(VERSIONS[2], &[file]) else { return };

    assert!(!is_valid && said.contains("runAsNonroot"), "{said}");
}
