//! A mail server (RFC 5321) on this machine, without TLS.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::PATIENCE;

/// It takes every mail, but refuses recipients whose address begins with `gone`.
pub struct MailServer {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    /// One on a port of its own.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let mails = Arc::<Mutex<Vec<String>>>::default();
        let taken = Arc::clone(&mails);
        // It ends with the process of the tests.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that leaves early is no fault of the server.
                drop(converse(stream, &taken));
            }
        });
        Self { address, mails }
    }

    /// The table of a sink that sends to these recipients.
    pub fn sink(&self, to: &[&str]) -> String {
        format!(
            "[[sink]]\ntype = \"email\"\nname = \"mail\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
             from = \"watch@example.com\"\nto = {to:?}\n",
            self.address.port()
        )
    }

    /// The mails that it took so far.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

/// Answers one client until it leaves.
fn converse(mut stream: TcpStream, mails: &Mutex<Vec<String>>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    stream.write_all(b"220 mail.example\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let answer = match line.get(..4).unwrap_or_default() {
            "RCPT" if line.contains("<gone") => "550 5.1.1 no such user\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let mail = lines.by_ref().take_while(|line| !matches!(line.as_deref(), Ok(".") | Err(_)));
                let mail: Vec<_> = mail.collect::<io::Result<_>>()?;
                mails.lock().unwrap().push(mail.join("\n"));
                "250 taken\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 fine\r\n",
        };
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}
