#!/usr/bin/env python3
"""BM25 over made-up captions beside its peers, in one run: dreamrunner, Tantivy, SQLite's FTS5, BM25S.

    bm25_peers.py BM25_BENCH FOLDER ROWS [--peers tantivy,fts5,bm25s] [--queries N]

Needs `pip install tantivy bm25s psutil` (FTS5 comes with Python's sqlite3). bm25_bench writes the captions; every program then
gets the same ones, in the same words: one thread, all captions into an index on the disk (BM25S: in memory, it has no other
way), then N queries "person is X" for the 400 best. Each runs in a process of its own. Printed are captions a second of
build, by the clock and by processor time (on a machine that others use, the second is the fairer), milliseconds of a
query, MiB, and how many of the 400 rows that dreamrunner gives the peer gives too. They need not agree: Tantivy rounds
lengths to one byte, FTS5 has k1 1.2 and b 0.75 and another idf, BM25S here computes Lucene's formula in single precision.
"""
import argparse
import json
import multiprocessing
import resource
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path

TOP = 400


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def own_mib():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


def captions(path):
    with open(path, encoding="ascii") as lines:
        for line in lines:
            yield line.rstrip("\n")


def timed_queries(queries, ask):
    """Asks each query once to warm up, then twice; returns rows by query and times by clock and processor in ms."""
    rows, clock, cpu = {}, [], []
    for turn in range(3):
        for query in queries:
            begin, cpu_begin = time.perf_counter(), time.process_time()
            rows[query] = ask(query)
            if turn > 0:
                clock.append((time.perf_counter() - begin) * 1e3)
                cpu.append((time.process_time() - cpu_begin) * 1e3)
    return rows, sorted(clock), sorted(cpu)


def tantivy_peer(path, folder, queries):
    import tantivy

    schema = tantivy.SchemaBuilder()
    schema.add_text_field("caption", stored=False, tokenizer_name="default", index_option="freq")
    schema.add_integer_field("row", stored=True)
    home = folder / "tantivy"
    home.mkdir()
    index = tantivy.Index(schema.build(), path=str(home))
    begin, cpu = time.perf_counter(), time.process_time()
    writer = index.writer(heap_size=256_000_000, num_threads=1)
    for row, caption in enumerate(captions(path)):
        writer.add_document(tantivy.Document(caption=caption, row=row))
    writer.commit()
    writer.wait_merging_threads()
    built = time.perf_counter() - begin, time.process_time() - cpu
    index.reload()
    searcher = index.searcher()

    def ask(query):
        return searcher.search(index.parse_query(query, ["caption"]), TOP, count=False).hits

    hits, clock, cpu = timed_queries(queries, ask)
    rows = {query: [searcher.doc(address)["row"][0] for _, address in found] for query, found in hits.items()}
    return built, rows, clock, cpu, sum(f.stat().st_size for f in home.iterdir())


def fts5_peer(path, folder, queries):
    file = folder / "fts5.db"
    base = sqlite3.connect(file)
    base.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; CREATE VIRTUAL TABLE c USING fts5(caption, content='', tokenize='unicode61 remove_diacritics 0');")
    begin, cpu = time.perf_counter(), time.process_time()
    base.executemany("INSERT INTO c(rowid, caption) VALUES (?, ?)", ((row + 1, caption) for row, caption in enumerate(captions(path))))
    base.commit()
    built = time.perf_counter() - begin, time.process_time() - cpu

    def ask(query):
        words = " OR ".join(f'"{word}"' for word in query.split())
        return [row - 1 for row, in base.execute("SELECT rowid FROM c WHERE c MATCH ? ORDER BY rank LIMIT ?", (words, TOP))]

    # A query takes seconds here: twenty say enough.
    rows, clock, cpu = timed_queries(queries[:: max(1, len(queries) // 20)], ask)
    return built, rows, clock, cpu, file.stat().st_size


def bm25s_peer(path, folder, queries):
    import bm25s

    begin, cpu = time.perf_counter(), time.process_time()
    tokens = bm25s.tokenize(list(captions(path)), lower=True, stopwords=None, token_pattern=r"\w+", show_progress=False)
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index(tokens, show_progress=False)
    built = time.perf_counter() - begin, time.process_time() - cpu

    def ask(query):
        found = bm25s.tokenize([query], lower=True, stopwords=None, token_pattern=r"\w+", return_ids=False, show_progress=False)
        return index.retrieve(found, k=TOP, show_progress=False, n_threads=1).documents[0].tolist()

    rows, clock, cpu = timed_queries(queries[:: max(1, len(queries) // 20)], ask)
    return built, rows, clock, cpu, 0


PEERS = {"tantivy": tantivy_peer, "fts5": fts5_peer, "bm25s": bm25s_peer}


def run_peer(name, path, folder, queries, pipe):
    before = peak_mib()
    built, rows, clock, cpu, size = PEERS[name](path, folder, queries)
    pipe.send({"built": built, "rows": rows, "clock": clock, "cpu": cpu, "size": size, "peak": peak_mib() - before, "own": own_mib()})


def quantile(values, q):
    return values[int(q * (len(values) - 1))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench")
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("--peers", default="tantivy,fts5,bm25s")
    parser.add_argument("--queries", type=int, default=200)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    path, answers = arguments.folder / "captions.txt", arguments.folder / "answers.json"
    ours = json.loads(subprocess.run([arguments.bench, arguments.folder, str(arguments.rows), "--captions", path, "--answers", answers,
                                      "--queries", str(arguments.queries)], check=True, capture_output=True, text=True).stdout)
    expected = {answer["query"]: [row for row, _ in answer["hits"]] for answer in json.loads(answers.read_text())}
    queries = list(expected)
    print(f"{arguments.rows:,} captions, {len(queries)} queries, top {TOP}")
    heading = f"{'':14}{'captions/s':>12}{'/cpu s':>10}{'p50 ms':>10}{'p99 ms':>10}{'p50 cpu':>10}{'p99 cpu':>10}{'build MiB':>11}{'own MiB':>9}{'disk MB':>9}{'same rows':>11}"
    print(heading)

    def line(name, rate, cpu_rate, p50, p99, p50_cpu, p99_cpu, peak, own, disk, same):
        print(f"{name:14}{rate:12,.0f}{cpu_rate:10,.0f}{p50:10.2f}{p99:10.2f}{p50_cpu:10.2f}{p99_cpu:10.2f}{peak:11.0f}{own:9.0f}{disk:9.0f}{same:>11}", flush=True)

    line("dreamrunner", ours["captions_a_second"], ours["captions_a_cpu_second"], ours["p50_ms"], ours["p99_ms"], ours["p50_cpu_ms"], ours["p99_cpu_ms"],
         ours["build_peak_mib"], ours["own_mib"], ours["index_bytes"] / 1e6, "")
    for name in arguments.peers.split(","):
        receiver, sender = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(target=run_peer, args=(name, path, arguments.folder, queries, sender))
        process.start()
        sender.close()
        try:
            peer = receiver.recv()
        except EOFError:
            print(f"{name:14}failed (out of memory?)", flush=True)
            continue
        finally:
            process.join()
        same = statistics.mean(len(set(rows) & set(expected[query])) / max(1, len(expected[query])) for query, rows in peer["rows"].items())
        line(name, arguments.rows / peer["built"][0], arguments.rows / peer["built"][1], quantile(peer["clock"], 0.5), quantile(peer["clock"], 0.99),
             quantile(peer["cpu"], 0.5), quantile(peer["cpu"], 0.99), peer["peak"], peer["own"], peer["size"] / 1e6, f"{same:.1%}")


if __name__ == "__main__":
    sys.exit(main())
