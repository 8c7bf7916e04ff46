//! `latency:`: the server, the request and the load.

use super::{Reader, duration, pairs, text_or};
use crate::config::gates::Known;
use crate::config::node::Node;
use crate::config::problem::Code;
use crate::config::{Image, Latency, Request, Target, units};
use crate::model::StageKind;

impl Reader<'_> {
    pub(super) fn latency(&mut self, node: &Node, before: Known, image: Option<&Image>) -> Latency {
        let named: Vec<&Node> = ["run", "url", "port"].iter().filter_map(|k| node.get(k)).collect();
        if let [_, second, ..] = named[..] {
            let help = "`run` starts a command, `url` takes what runs already, `port` starts the built image";
            self.problems.add(Code::Conflict, &second.at, "`latency` names more than one server", help);
        }
        let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_string);
        let target = match (text("run"), text("url")) {
            (Some(run), _) => Target::Command { run },
            (None, Some(url)) => {
                if let Some(at) = node.get("url").map(|n| &n.at)
                    && !(url.starts_with("http://") || url.starts_with("https://"))
                {
                    self.problems.add(Code::BadValue, at, format!("`{url}` is no address"), "http://127.0.0.1:8080");
                }
                Target::Url(url)
            }
            (None, None) => {
                if image.is_none_or(Image::is_model_pack) {
                    let help = "add `run`, `url` or an `image:` of a container";
                    self.problems.add(Code::Conflict, &node.at, "`latency` has nothing to probe", help);
                }
                Target::Image { port: node.get("port").map_or(8080, |n| self.port(n)) }
            }
        };
        let request = node.get("request");
        let path = text_or(request, "path", "/");
        if let Some(at) = request.and_then(|r| r.get("path")).map(|n| &n.at)
            && !path.starts_with('/')
        {
            self.problems.add(Code::BadValue, at, "the path of a request begins with /", format!("path: /{path}"));
        }
        let timeout = duration(node, "timeout", 5);
        let gates = self.gates(node, Some(StageKind::Latency), &before.and_latency(timeout), false);
        Latency {
            target,
            request: Request {
                method: text_or(request, "method", "GET"),
                path,
                headers: request.map(|r| pairs(r, "headers")).unwrap_or_default(),
                body: request.and_then(|r| self.path(r, "body")),
            },
            rate: node.get("rate").and_then(Node::text).and_then(units::rate).unwrap_or(50.0),
            duration: duration(node, "duration", 10),
            warmup: duration(node, "warmup", 2),
            timeout,
            start_timeout: duration(node, "start_timeout", 60),
            ready: text_or(Some(node), "ready", "/"),
            looks: self.looks(node),
            gates,
        }
    }
}
