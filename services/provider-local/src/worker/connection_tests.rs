//! Against a listener that speaks just enough HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::Notify,
    task::JoinSet,
};

use super::*;

/// A listener that answers every request with `answer`, in the pieces given, and closes a connection after `per_connection` answers.
struct Listener {
    base: Url,
    accepted: Arc<AtomicUsize>,
    closed: Arc<Notify>,
    _serving: JoinSet<()>,
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

impl Listener {
    async fn start(pieces: &'static [&'static str], per_connection: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (accepted, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (count, told) = (Arc::clone(&accepted), Arc::clone(&closed));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let told = Arc::clone(&told);
                connections.spawn(async move {
                    let mut request = [0; 4096];
                    for _ in 0..per_connection {
                        if stream.read(&mut request).await.unwrap_or(0) == 0 {
                            break;
                        }
                        for piece in pieces {
                            stream.write_all(piece.as_bytes()).await.unwrap();
                            stream.flush().await.unwrap();
                        }
                    }
                    drop(stream);
                    told.notify_one();
                });
            }
        });
        Self { base, accepted, closed, _serving: serving }
    }

    fn connections(&self) -> Connections {
        connections(&self.base)
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

fn connections(base: &Url) -> Connections {
    let connector = Connector::new(Duration::from_secs(5), Supervisor::new()).unwrap();
    Connections::new(base, &Secret::default(), connector).unwrap()
}

async fn body(connections: &Connections) -> Option<Vec<u8>> {
    connections.post("/v1/x", None, "{}".into()).await.unwrap().bounded(1000).await
}

#[tokio::test]
async fn an_answer_that_was_read_leaves_its_connection_to_the_next() {
    let listener = Listener::start(&[CHUNKED, "2\r\nab\r\n", "1\r\nc\r\n0\r\n\r\n"], usize::MAX).await;
    let connections = listener.connections();
    for _ in 0..5 {
        assert_eq!(body(&connections).await.unwrap(), b"abc");
    }
    assert_eq!(listener.accepted(), 1);
}

#[tokio::test]
async fn a_connection_that_the_worker_closed_is_not_used_again() {
    let listener = Listener::start(&["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"], 1).await;
    let connections = listener.connections();
    for _ in 0..3 {
        assert_eq!(body(&connections).await.unwrap(), b"ok");
        listener.closed.notified().await;
    }
    assert_eq!(listener.accepted(), 3);
}

#[tokio::test]
async fn pieces_that_arrived_together_are_read_together() {
    let pieces = [CHUNKED, "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n"];
    let pieces: &'static [&'static str] =
        Box::leak(vec![Box::leak(pieces.concat().into_boxed_str()) as &str].into());
    let listener = Listener::start(pieces, 1).await;
    let mut reply = listener.connections().get("/").await.unwrap();
    let mut read = Vec::new();
    reply.read(&mut read).await.unwrap();
    assert_eq!(read, ["a", "b", "c"]);
    read.clear();
    assert_eq!(reply.read(&mut read).await, Err(Lost), "closed inside the body");
}

#[tokio::test]
async fn a_body_that_is_too_long_or_breaks_off_is_no_body() {
    let listener = Listener::start(&[CHUNKED, "3\r\nabc\r\n0\r\n\r\n"], usize::MAX).await;
    let reply = listener.connections().get("/").await.unwrap();
    assert_eq!(reply.bounded(2).await, None);
    let listener = Listener::start(&["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"], 1).await;
    let reply = listener.connections().get("/").await.unwrap();
    assert_eq!(reply.bounded(100).await, None);
}

#[tokio::test]
async fn nobody_there_and_a_broken_answer_are_told_apart() {
    let listener = Listener::start(&[""], 1).await;
    assert_eq!(listener.connections().get("/").await.err(), Some(SendError::Broken));
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let base = format!("http://{free}").parse().unwrap();
    assert_eq!(connections(&base).get("/").await.err(), Some(SendError::Refused));
}

#[tokio::test]
async fn the_end_of_an_answer_that_is_over_is_read_beside_everything_else() {
    let listener = Listener::start(&[CHUNKED, "1\r\na\r\n", "0\r\n\r\n"], usize::MAX).await;
    let connections = listener.connections();
    let mut reply = connections.get("/").await.unwrap();
    let mut read = Vec::new();
    reply.read(&mut read).await.unwrap();
    reply.finish();
    let kept = async {
        while connections.0.idle().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), kept).await.unwrap();
    assert_eq!(body(&connections).await.unwrap(), b"a");
    assert_eq!(listener.accepted(), 1);
}
