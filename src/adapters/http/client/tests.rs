//! Clients against small servers on loopback.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::TcpSocket;

use super::*;

const TIME_LIMIT: Duration = Duration::from_secs(20);

/// The time limit of requests that are to be answered.
const AMPLE: Terms = Terms { timeout: TIME_LIMIT, max_body: |_| 1024, repeat_if_cut: false };

/// The time limit of requests that are not.
const SHORT: Terms = Terms { timeout: Duration::from_millis(300), ..AMPLE };

fn get(url: &str) -> Request {
    request(Method::GET, url.parse().unwrap()).build().unwrap()
}

/// What a server of HTTP/2 does with a request: by the number of its connection, and its path.
type Behavior = fn(usize, &str) -> bool;

/// A server of HTTP/2 that answers a request if `answers` says so, and is silent else. Returns its
/// URL, and the number of its connections.
async fn http2_server(answers: Behavior) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::spawn(serve_http2(stream, number, answers));
        }
    });
    (url, connections)
}

async fn serve_http2(
    stream: tokio::net::TcpStream,
    number: usize,
    answers: Behavior,
) -> Result<(), h2::Error> {
    // The least that RFC 9113 recommends.
    let mut connection =
        h2::server::Builder::new().max_concurrent_streams(100).handshake::<_, Bytes>(stream).await?;
    let mut silent = Vec::new();
    while let Some(request) = connection.accept().await {
        let (request, mut respond) = request?;
        if answers(number, request.uri().path()) {
            respond.send_response(axum::http::Response::new(()), true)?;
        } else {
            silent.push(respond);
        }
    }

    Ok(())
}

fn http2_client(url: &str) -> Client {
    // Without TLS, that is not negotiated.
    let recipe = Recipe::new(&ClientOptions::new(&url.parse().unwrap(), None), System).unwrap();
    Client::speaking(recipe, true).unwrap()
}

#[tokio::test]
async fn a_silent_connection_is_abandoned() {
    let (url, connections) = http2_server(|connection, path| connection > 1 || path == "/first").await;
    let client = http2_client(&url);
    client.send(get(&format!("{url}/first")), AMPLE).await.unwrap();
    let error = client.send(get(&format!("{url}/second")), SHORT).await.unwrap_err();
    assert!(matches!(error, SendError::Timeout(_)), "{error}");
    client.send(get(&format!("{url}/third")), AMPLE).await.unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_connection_with_other_answers_is_kept() {
    let (url, connections) = http2_server(|_, path| path != "/silent").await;
    let client = http2_client(&url);
    client.send(get(&url), AMPLE).await.unwrap();
    let terms = Terms { timeout: Duration::from_secs(3), ..SHORT };
    let silent = client.send(get(&format!("{url}/silent")), terms);
    let other = client.send(get(&url), AMPLE);
    let (silent, other) = tokio::join!(silent, other);
    assert!(matches!(silent.unwrap_err(), SendError::Timeout(_)));
    other.unwrap();
    client.send(get(&url), AMPLE).await.unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn unanswered_requests_do_not_block_others() {
    let (url, connections) = http2_server(|_, path| path != "/silent").await;
    let client = http2_client(&url);
    let hanging: Vec<_> = (0..250)
        .map(|_| {
            let (client, request) = (client.clone(), get(&format!("{url}/silent")));
            tokio::spawn(async move { client.send(request, AMPLE).await })
        })
        .collect();

    let is_full =
        || client.0.lock().iter().map(|pool| pool.under_way.load(Ordering::Relaxed)).sum::<usize>() == 250;
    while !is_full() {
        tokio::task::yield_now().await;
    }
    client.send(get(&url), AMPLE).await.expect("it does not wait for the others");

    assert_eq!(connections.load(Ordering::SeqCst), 3);

    for request in hanging {
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
    }
    let shrinks = async {
        while client.0.lock().len() > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };

    tokio::time::timeout(TIME_LIMIT, shrinks).await.expect("connections that are not needed are closed");
}

#[tokio::test]
async fn requests_over_http1_share_one_pool() {
    let (url, _) = http1_server(|_| OK);
    let client = http1_client(&url);
    client.send(get(&url), AMPLE).await.unwrap();
    let _slots: Vec<_> = (0..250).map(|_| client.0.slot()).collect();
    assert_eq!(client.0.lock().len(), 1);
}

#[tokio::test]
async fn a_server_without_http2_any_more_is_used_by_http1() {
    let (url, _) = http1_server(|_| OK);
    let client = http2_client(&url);
    client.send(get(&url), AMPLE).await.unwrap_err();
    assert_eq!(client.send(get(&url), AMPLE).await.unwrap().body.unwrap(), b"ok");
}

/// A server of HTTP/1.1 that gives each request on a connection what `answer` says, by the number
/// of the request there; nothing closes the connection. Returns its URL, and all that it read, by
/// connection.
fn http1_server(answer: fn(usize) -> &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for (connection, stream) in listener.incoming().flatten().enumerate() {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || serve_http1(stream, connection, answer, &seen));
        }
    });
    (url, requests)
}

fn serve_http1(
    mut stream: TcpStream,
    connection: usize,
    answer: fn(usize) -> &'static str,
    seen: &Mutex<Vec<String>>,
) -> Option<()> {
    for number in 1.. {
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).ok()?;
            request.push(byte[0]);
        }
        seen.lock().unwrap().push(format!("{connection}: {}", String::from_utf8_lossy(&request)));
        match answer(number) {
            "" => return None,
            answer => stream.write_all(answer.as_bytes()).ok()?,
        }
    }

    None
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// How many connections a server had, and how many requests.
fn counts(requests: &Mutex<Vec<String>>) -> (usize, usize) {
    let requests = requests.lock().unwrap();
    let connections: BTreeSet<_> = requests.iter().filter_map(|request| request.split(':').next()).collect();
    (connections.len(), requests.len())
}

fn http1_client(url: &str) -> Client {
    client(&ClientOptions::new(&url.parse().unwrap(), None)).unwrap()
}

#[tokio::test]
async fn a_request_on_a_cut_used_connection_is_repeated() {
    let (url, requests) = http1_server(|number| if number == 1 { OK } else { "" });
    let client = http1_client(&url);
    let terms = Terms { repeat_if_cut: true, ..AMPLE };
    for _ in 0..3 {
        let answer = client.send(get(&url), terms).await.unwrap();
        assert_eq!(answer.body.unwrap(), b"ok");
    }
    // The second and the third request were made twice.
    assert_eq!(counts(&requests), (3, 5));
    let error = client.send(get(&url), AMPLE).await.unwrap_err();
    assert!(error.is_cut(), "{error}");
    assert_eq!(counts(&requests), (3, 6), "without permission, it is not repeated");
}

#[tokio::test]
async fn a_new_connection_that_is_cut_is_a_failure() {
    let (url, requests) = http1_server(|_| "");
    let terms = Terms { repeat_if_cut: true, ..AMPLE };
    let error = http1_client(&url).send(get(&url), terms).await.unwrap_err();
    assert!(error.is_cut(), "{error}");
    assert_eq!(counts(&requests), (1, 1));
}

#[tokio::test]
async fn encoded_bodies_are_refused() {
    let (url, requests) = http1_server(|number| match number {
        1 => "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x0b",
        _ => "HTTP/1.1 200 OK\r\ncontent-encoding: identity\r\ncontent-length: 2\r\n\r\nok",
    });
    let client = http1_client(&url);
    let answer = client.send(get(&url), AMPLE).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert!(matches!(answer.body, Err(BodyError::Encoded(encoding)) if encoding == "gzip"));
    assert!(requests.lock().unwrap()[0].contains("accept-encoding: identity\r\n"));
    let client = http1_client(&url);
    client.send(get(&url), AMPLE).await.unwrap().body.unwrap_err();
    assert_eq!(client.send(get(&url), AMPLE).await.unwrap().body.unwrap(), b"ok");
}

/// Finds the same addresses for each name.
struct Fixed([IpAddr; 2]);

impl Resolve for Fixed {
    fn resolve(&self, _: Name) -> Resolving {
        let found = self.0.map(|address| SocketAddr::from((address, 0)));
        Box::pin(async move { Ok(Box::new(found.into_iter()) as Addrs) })
    }
}

/// Two addresses with one port: the first one takes no connection and refuses none.
struct HalfDead {
    addresses: [IpAddr; 2],
    _dead: TcpListener,
    _queue: Vec<TcpStream>,
    alive: TcpListener,
}

impl HalfDead {
    /// None if this system has no such address.
    fn new() -> Option<Self> {
        let alive = TcpListener::bind("127.0.0.1:0").unwrap();
        let dead = SocketAddr::from(([127, 0, 0, 2], alive.local_addr().unwrap().port()));
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(dead).ok()?;
        let listener = socket.listen(1).unwrap().into_std().unwrap();
        let addresses = [dead.ip(), alive.local_addr().unwrap().ip()];
        let mut queue = Vec::new();
        // Once its queue is full, the system drops what comes.
        while let Ok(stream) = TcpStream::connect_timeout(&dead, Duration::from_secs(2)) {
            queue.push(stream);
            if queue.len() > 50 {
                return None;
            }
        }

        Some(Self { addresses, _dead: listener, _queue: queue, alive })
    }
}

#[tokio::test]
async fn the_second_address_of_a_name_has_its_turn() {
    let Some(servers) = HalfDead::new() else {
        println!("SKIPPED: this system has no address that drops what comes");
        return;
    };
    let url = format!("http://two.example:{}/", servers.alive.local_addr().unwrap().port());
    let alive = servers.alive.try_clone().unwrap();
    std::thread::spawn(move || serve_http1(alive.accept().unwrap().0, 0, |_| OK, &Mutex::default()));
    let terms = Terms { timeout: Duration::from_secs(4), ..AMPLE };
    let options = ClientOptions::new(&url.parse().unwrap(), None).within(terms.timeout);
    let client = resolving(&options, Fixed(servers.addresses)).unwrap();
    assert_eq!(client.send(get(&url), terms).await.unwrap().status, StatusCode::OK);
}

#[test]
fn connecting_gets_three_quarters_of_the_time() {
    let options = ClientOptions::new(&"https://api.example".parse().unwrap(), None);
    assert_eq!(options.connect_timeout(), None);
    assert_eq!(options.within(Duration::from_secs(10)).connect_timeout(), Some(Duration::from_millis(7500)));
}

#[test]
fn certificates_that_are_none_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    std::fs::write(&path, "not a certificate").unwrap();
    let url = Url::parse("https://127.0.0.1:1").unwrap();
    let error = client(&ClientOptions::new(&url, Some(&path))).unwrap_err();
    assert!(matches!(error, ClientError::NoCertificates(_)), "{error}");
    let error = client(&ClientOptions::new(&url, Some(directory.path()))).unwrap_err();
    assert!(matches!(error, ClientError::Unreadable { .. }), "{error}");
}
