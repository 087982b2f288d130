//! A page that tells how well a room is kept, in the format of Prometheus.
//!
//! Rule: it holds numbers alone: no key, no name, no text and no address. Whoever reads it learns
//! how much is kept here, and nothing of what or whose.
//!
//! A connection is answered once and closed, has a bound on what is read of it and on its time, and
//! makes room for a newer one when there are too many: those that say nothing stop nobody.

mod page;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HOST};
use hyper::http::uri::Authority;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use multifeed_tcp::{Node, NodeError, NodeEvent};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use self::page::Values;
use crate::quota::Quota;

/// The most connections at one time. With one more, the oldest is closed.
pub const CONNECTIONS_MAX: usize = 32;
/// The most that is read of a request: the least that the library takes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// The most headers of a request. Scrapers send about five.
const HEADERS_MAX: usize = 32;
/// How long a request may take to come.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long all of a connection may take, its answer too.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// How old a page may be that is given again: all feeds are looked at to make one.
const PAGE_AGE_MAX: Duration = Duration::from_millis(250);
/// How long to wait when no connection can be taken, as without a descriptor.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

const PATH: &str = "/metrics";
const PAGE_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Who may read the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Programs on this machine.
    Local,
    /// Whoever reaches the address.
    Public,
}

/// Gives the page until it is dropped.
#[derive(Debug)]
pub struct Metrics {
    addr: SocketAddr,
    counts: Arc<EventCounters>,
    task: JoinHandle<()>,
}

/// What happened since the start.
#[derive(Debug, Default)]
struct EventCounters {
    connected: AtomicU64,
    disconnected: AtomicU64,
    dial_failures: AtomicU64,
    missed: AtomicU64,
}

impl Metrics {
    /// Listens at an address; port 0 lets the system choose.
    ///
    /// # Errors
    /// If it cannot be listened on.
    pub async fn open(
        addr: SocketAddr,
        audience: Audience,
        node: Node,
        quota: Quota,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let (addr, counts) = (listener.local_addr()?, Arc::new(EventCounters::default()));
        let (started, page) = (Instant::now(), Mutex::new(None));
        let server = PageServer { node, quota, audience, counts: counts.clone(), started, page };
        let task = tokio::spawn(listen(listener, Arc::new(server)));
        Ok(Self { addr, counts, task })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes note of what happened.
    pub fn count(&self, event: &NodeEvent) {
        let (counter, by) = match event {
            NodeEvent::Connected { .. } => (&self.counts.connected, 1),
            NodeEvent::Disconnected { .. } => (&self.counts.disconnected, 1),
            NodeEvent::DialFailed { .. } => (&self.counts.dial_failures, 1),
            NodeEvent::Lagged(missed) => (&self.counts.missed, *missed),
            _ => return,
        };
        counter.fetch_add(by, Ordering::Relaxed);
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes connections. All of them end with it.
async fn listen(listener: TcpListener, server: Arc<PageServer>) {
    let (mut all, mut open) = (JoinSet::new(), VecDeque::new());
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_RETRY_DELAY).await;
            continue;
        };
        while all.try_join_next().is_some() {}
        open.retain(|one: &tokio::task::AbortHandle| !one.is_finished());
        if open.len() >= CONNECTIONS_MAX
            && let Some(oldest) = open.pop_front()
        {
            // It had its time: an answer takes some milliseconds.
            oldest.abort();
        }
        open.push_back(all.spawn(serve_connection(stream, server.clone())));
    }
}

/// One request and its answer. What goes wrong is the other side's to see.
async fn serve_connection(stream: TcpStream, server: Arc<PageServer>) {
    let service = service_fn(|request| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(server.answer(&request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .keep_alive(false)
        // Some say all that they have to say, and then listen.
        .half_close(true)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    let _ = timeout(CONNECTION_TIMEOUT, http.serve_connection(TokioIo::new(stream), service)).await;
}

struct PageServer {
    node: Node,
    quota: Quota,
    audience: Audience,
    counts: Arc<EventCounters>,
    started: Instant,
    /// The last page, and when it was made.
    page: Mutex<Option<(Instant, String)>>,
}

impl PageServer {
    async fn answer(&self, request: &Request<Incoming>) -> Response<String> {
        if self.audience == Audience::Local && !is_named_by_number(request) {
            return plain(StatusCode::FORBIDDEN, "only by an address of this machine\n");
        }
        if request.uri().path() != PATH {
            return plain(StatusCode::NOT_FOUND, "there is  /metrics\n");
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "it can be read only\n");
            let methods = "GET, HEAD".parse().expect("a value of plain letters");
            answer.headers_mut().insert(ALLOW, methods);
            return answer;
        }
        match self.page().await {
            Ok(page) => plain(StatusCode::OK, &page),
            Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "the room is being closed\n"),
        }
    }

    /// The page as it is now. Those who ask at one time wait for one and get the same.
    async fn page(&self) -> Result<String, NodeError> {
        let mut last = self.page.lock().await;
        if let Some((made, page)) = &*last
            && made.elapsed() < PAGE_AGE_MAX
        {
            return Ok(page.clone());
        }
        let page = self.values().await?.page();
        *last = Some((Instant::now(), page.clone()));
        Ok(page)
    }

    async fn values(&self) -> Result<Values, NodeError> {
        let (status, feeds) = (self.node.sync_status().await?, self.node.feeds().await?);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ok(Values {
            status,
            feeds_full: feeds.iter().filter(|feed| feed.is_full).count(),
            feeds_forked: feeds.iter().filter(|feed| feed.is_forked).count(),
            bytes_held: feeds.iter().map(|feed| feed.byte_length).sum(),
            bytes_counted: feeds.iter().map(|feed| feed.bytes_counted).sum(),
            feed_bytes_counted: feeds.iter().map(|feed| feed.bytes_counted).max().unwrap_or(0),
            quota: self.quota,
            connected: count(&self.counts.connected),
            disconnected: count(&self.counts.disconnected),
            dial_failures: count(&self.counts.dial_failures),
            missed: count(&self.counts.missed),
            uptime: self.started.elapsed(),
        })
    }
}

/// Whether the request names this machine by an address or as `localhost`. A page of the web can
/// have a browser ask here, and read the answer, by a name of its own that it lets point here.
fn is_named_by_number(request: &Request<Incoming>) -> bool {
    let Some(host) = request.headers().get(HOST) else { return true };
    let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let host = host.host().trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
    })
}

fn plain(status: StatusCode, text: &str) -> Response<String> {
    let mut answer = Response::new(text.to_string());
    *answer.status_mut() = status;
    let kind = PAGE_TYPE.parse().expect("a value of plain letters");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}
