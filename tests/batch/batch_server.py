"""A server with a batch service: it keeps files on the disk, refuses what the real one refuses, and goes on with a
batch by a step each time it is asked how far that is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from rows_server import Refusal, RowsServer, completion

if TYPE_CHECKING:
    from pathlib import Path

STEPS = ("validating", "in_progress", "finalizing")


@dataclass
class BatchServer(RowsServer):
    """What it does and has seen, beside what `RowsServer` does.

    Attributes:
        folder: where its files are.
        most_lines: the most requests of a file.
        end: how a batch ends: "completed", "expired" (with half of it done) or "failed" (when it is read).
        held: whether batches stay in progress.
        key: the key that it wants, or "".
        uploads: the requests of each file that was sent, by its id.
        batches: what it says of each batch.
        deleted: the files that were deleted.
    """

    folder: Path = field(kw_only=True)
    most_lines: int = 50_000
    end: str = "completed"
    held: bool = False
    key: str = ""
    uploads: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    lost: int = 0
    unwell: int = 0
    polls: int = 0

    def add_to(self, app: web.Application) -> None:
        super().add_to(app)
        app.router.add_post("/v1/files", self.upload)
        app.router.add_get("/v1/files/{id}/content", self.content)
        app.router.add_delete("/v1/files/{id}", self.delete)
        app.router.add_post("/v1/batches", self.create)
        app.router.add_get("/v1/batches", self.listed)
        app.router.add_get("/v1/batches/{id}", self.get)
        app.router.add_post("/v1/batches/{id}/cancel", self.cancel)

    async def upload(self, request: web.Request) -> web.Response:
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            return refused(401, "Incorrect API key provided")
        form = await request.post()
        sent: Any = form.get("file")
        if form.get("purpose") != "batch" or sent is None or not sent.filename.endswith(".jsonl"):
            return refused(400, "a file for a batch is a .jsonl, and its purpose is batch")
        name = self.written("file-in", sent.file.read().decode())
        self.uploads[name] = [json.loads(line) for line in (self.folder / name).read_text().splitlines()]
        return web.json_response({"id": name, "object": "file", "purpose": "batch"})

    async def create(self, request: web.Request) -> web.Response:
        told = await request.json()
        file = told["input_file_id"]
        if file not in self.uploads or told["endpoint"] != "/v1/chat/completions":
            return refused(400, "no such file or endpoint")
        if told["completion_window"] != "24h":
            return refused(400, "completion_window must be 24h")
        name = f"batch_{len(self.batches) + 1}"
        self.batches[name] = {
            "id": name,
            "object": "batch",
            "endpoint": told["endpoint"],
            "input_file_id": file,
            "status": STEPS[0],
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
        }
        if self.lost:
            self.lost -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(self.batches[name])

    async def listed(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": list(reversed(self.batches.values()))})

    async def get(self, request: web.Request) -> web.Response:
        self.polls += 1
        if self.unwell:
            self.unwell -= 1
            return refused(503, "try later")
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return refused(404, "No batch found")
        self.go_on(batch)
        return web.json_response(batch)

    async def cancel(self, request: web.Request) -> web.Response:
        batch = self.batches[request.match_info["id"]]
        batch["status"] = "cancelling"
        return web.json_response(batch)

    async def content(self, request: web.Request) -> web.Response:
        path = self.folder / request.match_info["id"]
        return web.Response(body=path.read_bytes()) if path.exists() else refused(404, "No such File object")

    async def delete(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        (self.folder / name).unlink()
        self.deleted.append(name)
        return web.json_response({"id": name, "deleted": True})

    def go_on(self, batch: dict[str, Any]) -> None:
        """Go on by one step."""
        lines = self.uploads[batch["input_file_id"]]
        status = batch["status"]
        if status == "validating":
            errors = self.faults(lines)
            if self.end == "failed":
                errors = [{"code": "invalid", "message": "the model is not for batches", "line": 1}]
            batch["status"] = "failed" if errors else "in_progress"
            batch["errors"] = {"object": "list", "data": errors} if errors else None
            batch["request_counts"]["total"] = len(lines)
        elif status == "in_progress" and not self.held:
            batch["status"] = "expired" if self.end == "expired" else "finalizing"
            if self.end == "expired":
                self.answer(batch, lines, len(lines) // 2)
        elif status == "finalizing":
            self.answer(batch, lines, len(lines))
            batch["status"] = "completed"
        elif status == "cancelling":
            self.answer(batch, lines, 1)
            batch["status"] = "cancelled"

    def faults(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """List what is wrong with a file, as the real one does."""
        found: list[dict[str, Any]] = []
        seen = set()
        if len(lines) > self.most_lines:
            found.append({"code": "too_many", "message": f"more than {self.most_lines} lines", "line": None})
        for number, line in enumerate(lines, 1):
            body = line.get("body", {})
            wrong = [
                why
                for why, is_so in {
                    "custom_id twice": line.get("custom_id") in seen,
                    "method": line.get("method") != "POST",
                    "url": line.get("url") != "/v1/chat/completions",
                    "model mismatch": body.get("model") != lines[0]["body"]["model"],
                    "streaming": "stream" in body,
                }.items()
                if is_so
            ]
            seen.add(line.get("custom_id"))
            found += [{"code": "invalid", "message": why, "line": number} for why in wrong]
        return found

    def answer(self, batch: dict[str, Any], lines: list[dict[str, Any]], number: int) -> None:
        """Write the answers of so many lines, the last first, and the failures of the others."""
        done, failed = [], []
        for place, line in reversed(list(enumerate(lines))):
            named: dict[str, Any] = {"id": f"req_{place}", "custom_id": line["custom_id"]}
            prompt = line["body"]["messages"][-1]["content"]
            answer = self.rule(prompt)
            if place >= number:
                failed.append({**named, "response": None, "error": {"code": "batch_expired", "message": "too late"}})
            elif isinstance(answer, Refusal):
                body: dict[str, Any] = {"error": {"message": answer.message}}
                failed.append({**named, "response": {"status_code": answer.status, "body": body}, "error": None})
            else:
                done.append({**named, "response": {"status_code": 200, "body": completion(answer)}, "error": None})
        batch["request_counts"] = {"total": len(lines), "completed": len(done), "failed": len(failed)}
        if done:
            batch["output_file_id"] = self.written("file-out", "".join(json.dumps(line) + "\n" for line in done))
        if failed:
            batch["error_file_id"] = self.written("file-err", "".join(json.dumps(line) + "\n" for line in failed))

    def written(self, name: str, text: str) -> str:
        """Write a file, under a name that none had before."""
        self.written_files = getattr(self, "written_files", 0) + 1
        name = f"{name}-{self.written_files}"
        (self.folder / name).write_text(text)
        return name


def refused(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message}}, status=status)
