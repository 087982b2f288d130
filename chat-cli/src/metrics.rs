//! Serves a page of metrics about a room in the Prometheus text format.
//!
//! Rule: the page contains numbers only: no key, name, text or address. A reader learns how much
//! is stored, but not what or whose.
//!
//! A connection gets one response and is closed. Its input and its duration are bounded, and with
//! too many connections the oldest is closed, so idle connections block nothing.

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

/// The most connections at a time; a further one closes the oldest. Chosen: far more than
/// scrapers need, and bounds memory.
pub const CONNECTIONS_MAX: usize = 32;
/// The largest request head: the minimum that hyper's `http1::Builder::max_buf_size` accepts.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// The most headers of a request. Chosen: scrapers send about five.
const HEADERS_MAX: usize = 32;
/// How long a request may take to arrive. Chosen: local scrapers need milliseconds.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a whole connection may take, including the response. Chosen: twice the time of the
/// request.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a page is reused, because creating one reads all feeds. Chosen: far below usual
/// scrape intervals of seconds.
const PAGE_AGE_MAX: Duration = Duration::from_millis(250);
/// The delay after a failed accept, for example without file descriptors. Chosen: avoids a busy
/// loop.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

const PATH: &str = "/metrics";
const PAGE_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Who may read the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Programs on this machine.
    Local,
    /// Anyone who can reach the address.
    Public,
}

/// Serves the page until dropped.
#[derive(Debug)]
pub struct Metrics {
    addr: SocketAddr,
    counts: Arc<EventCounters>,
    task: JoinHandle<()>,
}

/// Event counters since the start.
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
    /// Fails if the address cannot be listened on.
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

    /// Returns the listen address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Counts an event.
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

/// Accepts connections. All of them end with this task.
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
            // The oldest connection had enough time: a response takes milliseconds.
            oldest.abort();
        }
        open.push_back(all.spawn(serve_connection(stream, server.clone())));
    }
}

/// Serves one request. Errors are visible to the client only.
async fn serve_connection(stream: TcpStream, server: Arc<PageServer>) {
    let service = service_fn(|request| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(server.answer(&request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .keep_alive(false)
        // Some clients close their sending side after the request.
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
    /// The last page and its time.
    page: Mutex<Option<(Instant, String)>>,
}

impl PageServer {
    async fn answer(&self, request: &Request<Incoming>) -> Response<String> {
        if self.audience == Audience::Local && !host_is_numeric(request) {
            return text_response(
                StatusCode::FORBIDDEN,
                "use an address of this machine or localhost\n",
            );
        }
        if request.uri().path() != PATH {
            return text_response(StatusCode::NOT_FOUND, "the metrics are at  /metrics\n");
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut answer = text_response(StatusCode::METHOD_NOT_ALLOWED, "use GET or HEAD\n");
            let methods = "GET, HEAD".parse().expect("a value of plain letters");
            answer.headers_mut().insert(ALLOW, methods);
            return answer;
        }
        match self.page().await {
            Ok(page) => text_response(StatusCode::OK, &page),
            Err(_) => text_response(StatusCode::SERVICE_UNAVAILABLE, "the room is closing\n"),
        }
    }

    /// Returns the current page. Concurrent requests wait for one page and share it.
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

/// Returns whether the request names this machine by address or as `localhost`. Otherwise a
/// website could read the page through a browser, with a host name that resolves here (DNS
/// rebinding).
fn host_is_numeric(request: &Request<Incoming>) -> bool {
    let Some(host) = request.headers().get(HOST) else { return true };
    let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let host = host.host().trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
    })
}

fn text_response(status: StatusCode, text: &str) -> Response<String> {
    let mut answer = Response::new(text.to_string());
    *answer.status_mut() = status;
    let kind = PAGE_TYPE.parse().expect("a value of plain letters");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}
