//! `packaging/kubernetes`, held against the program that it starts.
//!
//! Invariant: the files themselves are tested. There is no cluster: what Kubernetes does with them is taken from its
//! documentation.

mod configuration;
mod daemon;
mod jobs;
mod labels;
mod pods;
mod programs;
mod restricted;
mod volume;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::yaml;

/// The folders that are applied as one, with a kustomization each.
const FOLDERS: [&str; 4] = ["sqlite", "postgres", "wait", "restore"];

/// The files that are applied by themselves.
const FILES: [&str; 2] = ["pod-monitor.yaml", "rollout.yaml"];

/// The file or folder of this name.
fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/kubernetes").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(place(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn tree(name: &str) -> Value {
    yaml::read(&text(name))
}

/// The manifests of a folder by their names, without its kustomization.
fn names(folder: &str) -> Vec<String> {
    let entries =
        place(folder).read_dir().expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().expect("a name")).collect();
    let is_yaml = |name: &str| Path::new(name).extension().is_some_and(|extension| extension == "yaml");
    names.retain(|name| is_yaml(name) && name != "kustomization.yaml");
    names.sort();
    names
}

/// All manifests, each with its place.
fn manifests() -> Vec<(String, Value)> {
    let in_folders = FOLDERS
        .iter()
        .flat_map(|folder| names(folder).into_iter().map(move |name| format!("{folder}/{name}")));
    in_folders.chain(FILES.map(str::to_owned)).map(|name| (name.clone(), tree(&name))).collect()
}

/// The entries of a sequence; none if there is no sequence.
fn entries(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The entry of a sequence that has this name.
#[track_caller]
fn named<'a>(sequence: &'a Value, name: &str) -> &'a Value {
    let found = entries(sequence).iter().find(|entry| entry["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {sequence}"))
}

/// The pods that manifests make, as the trees of their `spec`, each with its place.
fn pods() -> Vec<(String, Value)> {
    let pods = manifests().into_iter().map(|(name, tree)| (name, tree["spec"]["template"]["spec"].clone()));
    pods.filter(|(_, pod)| pod.is_object()).collect()
}

/// The containers of a pod, those of its start first.
fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    entries(&pod["initContainers"]).iter().chain(entries(&pod["containers"]))
}

/// Whether a container runs this program.
fn is_ours(container: &Value) -> bool {
    let image = yaml::text(&container["image"]);
    image.rsplit('/').next().is_some_and(|name| name.starts_with("restore-watch:"))
}

/// The daemons: the file of each, and its container.
fn daemons() -> Vec<(&'static str, Value)> {
    let container =
        |file: &'static str| (file, tree(file)["spec"]["template"]["spec"]["containers"][0].clone());
    ["sqlite/stateful-set.yaml", "postgres/deployment.yaml"].map(container).into()
}

#[test]
fn kustomizations_name_all_files_of_their_folders() {
    for folder in FOLDERS {
        let kustomization = tree(&format!("{folder}/kustomization.yaml"));

        let mut resources = yaml::texts(&kustomization["resources"]);
        resources.sort();
        assert_eq!(resources, names(folder), "{folder}");
        for generator in entries(&kustomization["configMapGenerator"]) {
            for file in yaml::texts(&generator["files"]) {
                assert!(place(folder).join(&file).exists(), "{folder}/{file}");
            }
        }
    }
}

#[test]
fn images_have_the_version_of_the_program() {
    let version = env!("CARGO_PKG_VERSION");
    for folder in FOLDERS {
        let kustomization = tree(&format!("{folder}/kustomization.yaml"));
        let image = named(&kustomization["images"], "restore-watch");
        assert_eq!(yaml::text(&image["newTag"]), version, "{folder}");
    }

    let pods = pods();
    let images: Vec<_> =
        pods.iter().flat_map(|(_, pod)| containers(pod)).filter(|one| is_ours(one)).collect();
    assert_eq!(images.len(), 5);
    for container in images {
        let image = yaml::text(&container["image"]);
        assert!(image.ends_with(&format!("restore-watch:{version}")), "{image}");
    }
}

#[test]
fn files_that_two_folders_have_are_equal() {
    for name in ["namespace.yaml", "service-account.yaml"] {
        assert_eq!(text(&format!("sqlite/{name}")), text(&format!("postgres/{name}")), "{name}");
    }
    // The second one allows the port of the database, too.
    let policy = text("postgres/network-policy.yaml");
    assert!(policy.starts_with(&text("sqlite/network-policy.yaml")), "{policy}");
}
