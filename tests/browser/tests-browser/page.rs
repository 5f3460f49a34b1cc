//! A page in a tab: opened, looked at, operated.
//!
//! Invariant: what no page may do (a dialog, an error or a warning on the console, a violation of
//! its content security policy, a request to another origin) fails whichever test made it do that.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use restore_watch::platform::clock::Clock;
use serde_json::{Value, json};

use crate::devtools::Devtools;
use crate::skip::skipped;
use crate::support::PATIENCE;

/// Where pictures of pages are written.
const PICTURES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../browser");

/// How a page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

/// The widths of a telephone and of a laptop, each in both schemes.
pub(crate) const LOOKS: [(u32, Scheme); 4] =
    [(390, Scheme::Light), (390, Scheme::Dark), (1280, Scheme::Light), (1280, Scheme::Dark)];

/// The one tab of a Chromium of its own.
pub(crate) struct Page {
    devtools: Devtools,
    session: String,
    /// The origin of the page, from which all it needs must come.
    origin: String,
    requests: Vec<String>,
    faults: Vec<String>,
    /// Whether connections may fail, because the test ends the server.
    loses_connections: bool,
}

impl Page {
    /// An empty tab; `None` if there is no browser here.
    pub(crate) fn new() -> Option<Self> {
        let Some(mut devtools) = Devtools::start() else {
            skipped("the page in a browser", "there is no chromium");
            return None;
        };
        let mut ask = |method, parameters| {
            devtools.call(None, method, &parameters).unwrap_or_else(|why| panic!("{why}"))
        };
        let target = ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attached =
            ask("Target.attachToTarget", json!({ "targetId": target["targetId"], "flatten": true }));
        let mut page = Self {
            devtools,
            session: text_of(&attached["sessionId"]),
            origin: String::new(),
            requests: Vec::new(),
            faults: Vec::new(),
            loses_connections: false,
        };
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.look(1280, Scheme::Light);
        Some(page)
    }

    /// Opens an address and waits until all of the page is there.
    pub(crate) fn open(&mut self, url: &str) {
        self.origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let navigated = self.call("Page.navigate", json!({ "url": url }));
        assert!(navigated["errorText"].is_null(), "{url}: {}", navigated["errorText"]);
        self.until("the whole page", "document.readyState === 'complete'");
    }

    /// Shows it at this width and in this scheme.
    pub(crate) fn look(&mut self, width: u32, scheme: Scheme) {
        let is_telephone = width < 600;
        self.call(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": is_telephone }),
        );
        let value = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] }),
        );
    }

    /// Has no script of a page run, from the next page on.
    pub(crate) fn disable_scripts(&mut self) {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
    }

    /// Allows connections to fail from here on.
    pub(crate) fn allow_lost_connections(&mut self) {
        self.loses_connections = true;
    }

    /// The value of an expression of JavaScript.
    #[track_caller]
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let mut answer = self.call(
            "Runtime.evaluate",
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }),
        );
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].take()
    }

    /// The value of an expression that is a text.
    #[track_caller]
    pub(crate) fn text(&mut self, expression: &str) -> String {
        text_of(&self.evaluate(expression))
    }

    /// The text of the page, as it is seen.
    #[track_caller]
    pub(crate) fn shown(&mut self) -> String {
        self.text("document.body.innerText")
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, expression: &str) {
        let clock = Clock::system();
        let start = clock.now().instant;
        while self.evaluate(expression) != json!(true) {
            let waited = clock.now().instant.since(start);
            assert!(waited < PATIENCE, "waited in vain for {what}\n--- shown\n{}", self.shown());
            self.take_events(Duration::from_millis(20));
        }
    }

    /// Waits until the page shows a text.
    #[track_caller]
    pub(crate) fn until_shown(&mut self, text: &str) {
        self.until(text, &format!("document.body.innerText.includes({})", json!(text)));
    }

    /// Presses a key, such as `Tab` or `Enter`.
    pub(crate) fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "ArrowDown" => (40, ""),
            " " => (32, " "),
            other => panic!("the code of {other} is not known here"),
        };
        for kind in ["keyDown", "keyUp"] {
            self.call(
                "Input.dispatchKeyEvent",
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text }),
            );
        }
    }

    /// Types a text where the focus is.
    pub(crate) fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Writes a picture of the whole page.
    pub(crate) fn picture(&mut self, name: &str) {
        let layout = self.call("Page.getLayoutMetrics", json!({}));
        let size = &layout["cssContentSize"];
        let picture = self.call(
            "Page.captureScreenshot",
            json!({
                "captureBeyondViewport": true,
                "clip": { "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 },
            }),
        );
        let bytes = base64::engine::general_purpose::STANDARD.decode(text_of(&picture["data"])).unwrap();
        let path = files().join(format!("{name}.png"));
        std::fs::create_dir_all(files()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// The addresses that were requested so far, in their order.
    pub(crate) fn requests(&mut self) -> Vec<String> {
        self.take_events(Duration::ZERO);
        self.requests.clone()
    }

    /// What it did so far that no page may do. It counts no longer.
    pub(crate) fn take_faults(&mut self) -> Vec<String> {
        self.take_events(Duration::ZERO);
        std::mem::take(&mut self.faults)
    }

    #[track_caller]
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        let session = self.session.clone();
        self.devtools.call(Some(&session), method, &parameters).unwrap_or_else(|why| panic!("{why}"))
    }

    /// Looks through the events so far, and waits this long for the next one.
    fn take_events(&mut self, limit: Duration) {
        let mut limit = limit;
        while let Some(event) = self.devtools.next_event(limit) {
            self.note(&event["method"], &event["params"]);
            limit = Duration::ZERO;
        }
    }

    fn note(&mut self, method: &Value, event: &Value) {
        match method.as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                let url = text_of(&event["request"]["url"]);
                if !url.starts_with(&format!("{}/", self.origin)) {
                    self.faults.push(format!("request to another origin: {url}"));
                }
                self.requests.push(url);
            }
            "Log.entryAdded" => {
                let entry = &event["entry"];
                let is_lost_connection = self.loses_connections && entry["source"] == "network";
                if ["warning", "error"].contains(&entry["level"].as_str().unwrap_or_default())
                    && !is_lost_connection
                {
                    self.faults.push(format!("log: {entry}"));
                }
            }
            "Runtime.consoleAPICalled" if event["type"] != "log" => {
                self.faults.push(format!("console: {event}"));
            }
            "Runtime.exceptionThrown" => self.faults.push(format!("exception: {event}")),
            "Audits.issueAdded" => self.faults.push(format!("issue: {}", event["issue"])),
            "Page.javascriptDialogOpening" => self.faults.push(format!("dialog: {event}")),
            _ => {}
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let faults = self.take_faults();
            assert!(faults.is_empty(), "the page did what no page may do:\n{}", faults.join("\n"));
        }
    }
}

/// Where files of these tests are, in the folder of what is built.
pub(crate) fn files() -> PathBuf {
    Path::new(PICTURES).to_path_buf()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}
