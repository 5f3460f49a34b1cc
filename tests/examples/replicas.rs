//! `replicas`: a configuration and a Deployment that fit each other, and are those of the guide.

use serde_json::Value;

use crate::support::{Folder, Watch, skipped};
use crate::yaml;

fn example(name: &str) -> String {
    let path = format!("{}/config/examples/replicas/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect(name)
}

/// The entry of a sequence that has this name.
fn named<'a>(entries: &'a Value, name: &str) -> &'a Value {
    let entries = entries.as_array().expect("a sequence");
    entries.iter().find(|entry| entry["name"] == name).unwrap_or_else(|| panic!("no {name} in {entries:?}"))
}

#[test]
fn replicas_need_no_volume_that_persists() {
    let deployment = yaml::read(&example("restore-watch.yaml"));

    let (spec, pod) = (&deployment["spec"], &deployment["spec"]["template"]["spec"]);
    assert_eq!(spec["replicas"], 2);
    for volume in pod["volumes"].as_array().unwrap() {
        assert!(volume.get("persistentVolumeClaim").is_none(), "{volume}");
    }
    let container = &pod["containers"][0];
    let mount = |name: &str| yaml::text(&named(&container["volumeMounts"], name)["mountPath"]);
    for volume in ["config", "secrets", "run"] {
        assert!(named(&pod["volumes"], volume).is_object() && mount(volume).starts_with('/'));
    }
    let config = example("config.toml");
    assert!(
        config.contains(&format!("postgres = {{ file = \"{}/postgres-url\" }}", mount("secrets"))),
        "{config}"
    );
    let port = yaml::text(&named(&container["ports"], "http")["containerPort"]);
    assert!(config.contains(&format!("listen = \"0.0.0.0:{port}\"")), "{config}");
}

#[test]
fn configuration_of_replicas_is_valid() {
    if cfg!(not(feature = "postgres")) {
        return skipped("this build has no state in a database");
    }
    let folder = Folder::new();
    let url = folder.write("postgres-url", "postgresql://restore_watch:canary@db.example/restore_watch");
    let config = folder.write("config.toml", example("config.toml").replace("/secrets/postgres-url", &url));

    let done = Watch::new(["check", "--secrets", "--config", &config])
        .env("PINECONE_API_KEY", "pcsk_1")
        .run()
        .expect(0);

    assert!(done.stdout.contains(&format!("  ok      state: address from file {url}\n")), "{}", done.stdout);
    assert!(!(done.stdout + &done.stderr).contains("canary"));
}

#[test]
fn guide_shows_the_examples() {
    let guide =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guides/replicas.md")).unwrap();

    for (name, language) in [("restore-watch.yaml", "yaml"), ("config.toml", "toml")] {
        let text: String = example(name)
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(|line| [line, "\n"])
            .collect();
        assert!(guide.contains(&format!("```{language}\n{text}```\n")), "{name} is not what the guide shows");
    }
}
