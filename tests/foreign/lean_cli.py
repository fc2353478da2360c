"""Drives QuantConnect's own command line against the simulator, and asks the simulator a second time by hand.

Every outcome is compared with what a plain signed request, written here, gets for the same question: files with files,
the table of statistics row by row with `backtests/read`, listings with listings. Run by lean_cli.sh, inside the virtual
environment of the command line, with HOME and QC_API set.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import lean_models
from harness import check, held, says

LEAN, WORK = sys.argv[1], Path(sys.argv[2])
BASE = "http://localhost:5612/api/v2/"
USER, TOKEN, ORGANIZATION = "123456", "simulated-token-of-no-value", "5cad178b20a1d52567b534553413b691"
ALGORITHM = """from AlgorithmImports import *
from helper import SYMBOLS


class Foreign(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2022, 1, 3)
        self.set_end_date(2023, 12, 29)
        self.set_cash(50000)
        self.add_equity("KO", Resolution.DAILY)
        self.add_equity("PEP", Resolution.DAILY)
        self.fast = self.get_parameter("fast", 1)

    def on_data(self, data):
        pass
"""
HELPER = "SYMBOLS = ['KO', 'PEP']\n"


def ask(path, body=None):
    """A signed request of our own: the second opinion."""
    now = str(int(time.time()))
    digest = hashlib.sha256(f"{TOKEN}:{now}".encode()).hexdigest()
    headers = {
        "Authorization": "Basic " + base64.b64encode(f"{USER}:{digest}".encode()).decode(),
        "Timestamp": now,
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(BASE + path, json.dumps(body or {}).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def lean(*arguments, fails=False, folder=WORK):
    """Runs the command line and gives what it printed."""
    done = subprocess.run(
        [LEAN, *arguments], cwd=folder, capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL, check=False
    )
    said = done.stdout + done.stderr
    check((done.returncode != 0) == fails, f"lean {' '.join(arguments)} ended with {done.returncode}:\n{said}")
    return said


def projects():
    """Projects by name, as our own request sees them."""
    return {project["name"]: project for project in ask("projects/read")["projects"]}


def files(project_id):
    answer = ask("files/read", {"projectId": project_id})
    return {file["name"]: file["content"] for file in answer["files"] if not file["isLibrary"]}


def workspace(folder):
    """What `lean init` leaves behind, made by hand: init itself downloads a repository from GitHub."""
    folder.mkdir(parents=True)
    (folder / "data").mkdir()
    config = {"data-folder": "data", "organization-id": ORGANIZATION, "job-organization-id": ORGANIZATION}
    (folder / "lean.json").write_text(json.dumps(config))


def table(said):
    """The rows of a printed table of statistics as a map."""
    figures = {}
    for line in said.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("│").split("│")]
        if line.strip().startswith("│") and len(cells) == 4 and cells[0] != "Statistic":
            figures.update({title: value for title, value in zip(cells[::2], cells[1::2]) if title})
    return figures


def compare_table(said, project_id, backtest_id):
    """Each figure the command line shows is the one the service gives, and none is missing."""
    backtest = ask("backtests/read", {"projectId": project_id, "backtestId": backtest_id})["backtest"]
    expected = {**backtest["runtimeStatistics"], **backtest["statistics"]}
    shown = table(said)
    for title, value in expected.items():
        check(shown.get(title, "") == value.strip(), f"{title}: shown {shown.get(title)!r}, served {value!r}\n{said}")
    check(len(shown) == len(expected), f"{set(shown) ^ set(expected)}")
    return backtest, shown


def word_after(label, said):
    return next(line.split(label, 1)[1].strip() for line in said.splitlines() if label in line)


def signs_in():
    wrong = lean("login", "--user-id", USER, "--api-token", "not-the-token", fails=True)
    says("Credentials are invalid", wrong)
    says("not logged in", lean("whoami"))
    says("Successfully logged in", lean("login", "--user-id", USER, "--api-token", TOKEN))
    kept = json.loads((Path.home() / ".lean" / "credentials").read_text())
    check(kept["user-id"] == USER, kept)
    member = ask("organizations/read", {"organizationId": ORGANIZATION})["organization"]["members"][0]
    says(f"logged in as {member['name']} ({member['email']})", lean("whoami"))
    print("  signs in, is refused with another token, knows who it is")


def lists_and_pulls():
    cloud = projects()
    said = lean("cloud", "pull")
    for name, project in cloud.items():
        says(f"Pulling '{name}'", said)
        config = json.loads((WORK / name / "config.json").read_text())
        check(config["cloud-id"] == project["projectId"], config)
        check(config["organization-id"] == project["organizationId"], config)
        for file, content in files(project["projectId"]).items():
            local = (WORK / name / file).read_text()
            check(local.strip() == content.strip(), f"{name}/{file} differs")
    check(len(cloud) == 2, cloud)
    print(f"  lists and pulls {len(cloud)} projects; every file is what the service holds")


def pushes():
    lean("project-create", "--language", "python", "Foreign")
    (WORK / "Foreign" / "main.py").write_text(ALGORITHM)
    (WORK / "Foreign" / "helper.py").write_text(HELPER)
    says("Successfully created cloud project 'Foreign'", lean("cloud", "push", "--project", "Foreign"))
    project = projects()["Foreign"]
    check(project["language"] == "Py", project)
    held = files(project["projectId"])
    check(held["main.py"] == ALGORITHM and held["helper.py"] == HELPER, held)
    # A push takes over changes, new files, deletions, the description and the parameters.
    (WORK / "Foreign" / "helper.py").write_text(HELPER + "# changed\n")
    (WORK / "Foreign" / "nested").mkdir()
    (WORK / "Foreign" / "nested" / "more.py").write_text("VALUE = 'a & b = c + d %20 [x]'\n")
    (WORK / "Foreign" / "research.ipynb").unlink()
    config = json.loads((WORK / "Foreign" / "config.json").read_text())
    config.update({"description": "from the command line", "parameters": {"fast": "1", "slow": "2"}})
    (WORK / "Foreign" / "config.json").write_text(json.dumps(config))
    says("Successfully updated", lean("cloud", "push", "--project", "Foreign"))
    held = files(project["projectId"])
    check(set(held) == {"main.py", "helper.py", "nested/more.py"}, held.keys())
    check(held["nested/more.py"] == "VALUE = 'a & b = c + d %20 [x]'\n", held["nested/more.py"])
    project = projects()["Foreign"]
    check(project["description"] == "from the command line", project)
    check({p["key"]: p["value"] for p in project["parameters"]} == {"fast": "1", "slow": "2"}, project["parameters"])
    # Another folder pulls the same again, by name.
    other = WORK.parent / "other"
    workspace(other)
    lean("cloud", "pull", "--project", "Foreign", folder=other)
    for name, content in held.items():
        check((other / "Foreign" / name).read_text().strip() == content.strip(), name)
    # A second project of the same name gets a number, also on disk.
    lean("project-create", "--language", "python", "Foreign", folder=WORK.parent / "third")
    said = lean("cloud", "push", "--project", "Foreign", folder=WORK.parent / "third")
    says("Received new name 'Foreign 1'", said)
    check((WORK.parent / "third" / "Foreign 1").is_dir() and "Foreign 1" in projects(), said)
    print("  pushes a project twice, with changed, new and removed files; pulls it elsewhere; a taken name gets a number")
    return project["projectId"]


def uses_libraries():
    for name in ["Library/Tools", "Library/More"]:
        lean("project-create", "--language", "python", name)
        lean("library", "add", "Foreign", name, "--no-local")
    lean("cloud", "push", "--project", "Foreign")
    linked = [library["libraryName"] for library in projects()["Foreign"]["libraries"]]
    check(sorted(linked) == ["Library/More", "Library/Tools"], linked)
    lean("library", "remove", "Foreign", "Library/More", "--no-local")
    lean("cloud", "push", "--project", "Foreign")
    linked = [library["libraryName"] for library in projects()["Foreign"]["libraries"]]
    check(linked == ["Library/Tools"], linked)
    print("  links two libraries and unlinks one")


def backtests(project_id):
    said = lean("cloud", "backtest", "Foreign", "--name", "From the command line")
    says("Successfully compiled project 'Foreign'", said)
    backtest_id = word_after("Backtest id: ", said)
    backtest, shown = compare_table(said, project_id, backtest_id)
    check(backtest["name"] == "From the command line", backtest["name"])
    check(shown["Start Equity"] == "50000" and shown["Total Orders"] == "4", shown)
    print(f"  runs a cloud backtest to its table: {len(shown)} figures, each as served")
    for title in ["Equity", "Net Profit", "Sharpe Ratio", "Drawdown", "Total Orders", "Total Fees"]:
        print(f"    {title:<16} {shown[title]}")
    # Parameters and a change pushed on the way.
    said = lean("cloud", "backtest", "Foreign", "--push", "--parameter", "fast", "7")
    again = ask("backtests/read", {"projectId": project_id, "backtestId": word_after("Backtest id: ", said)})["backtest"]
    check({k: float(v) for k, v in again["parameterSet"].items()} == {"fast": 7.0}, again["parameterSet"])
    # Code that raises, and code that does not build.
    (WORK / "Foreign" / "main.py").write_text(ALGORITHM.replace("self.fast =", "raise ValueError('no luck')\n        self.fast ="))
    said = lean("cloud", "backtest", "Foreign", "--push")
    says("An error occurred during this backtest", said)
    says("no luck", said)
    (WORK / "Foreign" / "main.py").write_text(ALGORITHM.replace("set_cash(50000)", "set_cash(50000"))
    said = lean("cloud", "backtest", "Foreign", "--push", fails=True)
    says("Something went wrong while compiling project 'Foreign'", said)
    says("main.py", said)
    (WORK / "Foreign" / "main.py").write_text(ALGORITHM)
    lean("cloud", "push", "--project", "Foreign")
    print("  passes parameters, shows an error at run time and one while compiling")


def optimizes(project_id):
    before = ask("account/read")["creditBalance"]
    said = lean(
        "cloud", "optimize", "Foreign", "--name", "Grid", "--target", "Sharpe Ratio", "--target-direction", "max",
        "--parameter", "fast", "1", "4", "1", "--constraint", "Drawdown < 90", "--node", "O2-8", "--parallel-nodes", "2",
    )  # fmt: skip
    says("Estimated number of backtests: 4", said)
    says("Estimated batch cost: $0.02", said)
    made = ask("optimizations/list", {"projectId": project_id})["optimizations"][0]
    points = ask("optimizations/read", {"optimizationId": made["optimizationId"]})["optimization"]["backtests"]
    sharpe = 15  # its position among the statistics
    best = max(points.values(), key=lambda point: point["statistics"][sharpe])
    says(f"Optimal backtest id: {best['id']}", said)
    says(f"fast: {best['parameterSet']['fast']}", said)
    compare_table(said, project_id, best["id"])
    # It expects 0.01 USD of every optimization it creates, and is charged what it showed.
    check(ask("account/read")["creditBalance"] == before - 2, "two hundredths of a dollar are 2 QCC")
    print("  optimizes a grid of four: its best point is the best of those served, and so is its table")


def stores_objects():
    source = WORK / "object.bin"
    source.write_bytes(bytes(range(256)) * 8)
    (WORK / "note.txt").write_text("a note\n")
    says("No objects found", lean("cloud", "object-store", "list"))
    lean("cloud", "object-store", "set", "folder/object.bin", str(source))
    lean("cloud", "object-store", "set", "note.txt", str(WORK / "note.txt"))
    listed = lean("cloud", "object-store", "list")
    served = ask("object/list", {"organizationId": ORGANIZATION, "path": "/"})["objects"]
    rows = [line.split() for line in listed.splitlines() if line.strip()]
    check(rows[0] == ["Key", "Bytes", "Folder", "Filename"], rows)
    expected = [[str(entry[member]) for member in ("key", "size", "folder", "name")] for entry in served]
    check(sorted(rows[1:]) == sorted(expected) and len(served) == 2, f"{rows} {expected}")
    says("2048", lean("cloud", "object-store", "list", "folder"))
    about = lean("cloud", "object-store", "properties", "folder/object.bin")
    served = ask("object/properties", {"organizationId": ORGANIZATION, "key": "folder/object.bin"})["metadata"]
    says(str(served["size"]), about)
    check(served["md5"] == hashlib.md5(source.read_bytes()).hexdigest(), served)
    target = WORK / "downloaded"
    target.mkdir()
    lean("cloud", "object-store", "get", "folder/object.bin", "note.txt", "--destination-folder", str(target))
    check((target / "folder" / "object.bin").read_bytes() == source.read_bytes(), list(target.rglob("*")))
    check((target / "note.txt").read_text() == "a note\n", "note.txt differs")
    lean("cloud", "object-store", "delete", "folder")
    lean("cloud", "object-store", "delete", "note.txt")
    says("No objects found", lean("cloud", "object-store", "list"))
    lean("cloud", "object-store", "delete", "note.txt", fails=True)
    print("  sets, lists, describes, downloads and deletes objects; what comes back is what went in")


def trades_live(project_id):
    """Deployed through the command line's own client class; watched and ended by its commands."""
    from lean.container import container

    says("No live deployment found", lean("cloud", "status", "Foreign", fails=True))
    api = container.api_client
    api.set_user_token(USER, TOKEN)
    compiled = api.compiles.create(project_id)
    while api.compiles.get(project_id, compiled.compileId).state.value == "InQueue":
        time.sleep(0.1)
    node = api.nodes.get_all(ORGANIZATION).live[0]
    paper, data = {"id": "QuantConnectBrokerage"}, {"QuantConnectBrokerage": {"id": "QuantConnectBrokerage"}}
    deployed = api.live.start(
        project_id, compiled.compileId, node.id, paper, data, True, -1, True, False, [],
        live_cash_balance=[{"currency": "USD", "amount": 30000}],
    )  # fmt: skip
    busy = api.nodes.get_all(ORGANIZATION).live[0]
    check((busy.busy, busy.projectName) == (True, "Foreign"), busy)
    for _ in range(100):
        said = lean("cloud", "status", "Foreign")
        if "Running" in said:
            break
    says("Live status: Running", said)
    says(f"Live id: {deployed.deployId}", said)
    says("PaperBrokerage", said)
    says("executed successfully", lean("cloud", "live", "command", "Foreign", "--data", "{'target': 'KO'}"))
    everybody = ["cloud", "live", "broadcast", "--organization", ORGANIZATION, "--data", "{'target': 'KO'}"]
    says("broadcasted successfully", lean(*everybody))
    says("executed successfully", lean("cloud", "live", "liquidate", "Foreign"))
    says("Liquidated", lean("cloud", "status", "Foreign"))
    lean("cloud", "live", "stop", "Foreign", fails=True)
    check(not api.nodes.get_all(ORGANIZATION).live[0].busy, "the node stays busy")
    print("  follows, commands and liquidates a paper deployment")


def cleans_up():
    lean("project-delete", "Foreign 1", folder=WORK.parent / "third")
    said = lean("project-delete", "Foreign")
    says("Successfully deleted project 'Foreign'", said)
    check(not (WORK / "Foreign").exists() and "Foreign" not in projects(), projects().keys())
    lean("logout")
    says("not logged in", lean("whoami"))
    print("  deletes what it made and signs out")


def cannot():
    """Tried where trying says something; each with the reason."""
    said = lean("cloud", "live", "deploy", "Foreign", "--brokerage", "Paper Trading", fails=True)
    says("--brokerage", said)
    return [
        ("lean init", "downloads the LEAN repository from GitHub; the same lean.json was written by hand"),
        ("lean cloud live deploy", "its brokerages come from modules-1.14.json, a list on a host of QuantConnect's that is "
         "empty here; deployed through its client class instead"),
        ("lean data download", "its questions come from the same list; bought and downloaded through its client class"),
        ("lean cloud push --encrypt", "needs a key registered on the website; the simulator has no encrypted projects"),
        ("lean cloud live deploy with a login", "opens a browser at live/auth0/authorize, which wants the website's cookie"),
        ("lean backtest, optimize, research, report, live, build", "run LEAN in Docker on this computer, without the API"),
        ("lean library remove of the last library", "an empty list in a form is no member at all, so that nobody hears of it"),
        ("lean ui, lean gui", "interactive"),
    ]  # fmt: skip


for folder in [WORK, WORK.parent / "other", WORK.parent / "third"]:
    shutil.rmtree(folder, ignore_errors=True)
workspace(WORK)
workspace(WORK.parent / "third")
begun = time.monotonic()
print(lean("--version").strip())
signs_in()
lists_and_pulls()
project = pushes()
uses_libraries()
backtests(project)
optimizes(project)
stores_objects()
trades_live(project)
lean_models.decodes(project, USER, TOKEN, ORGANIZATION, WORK)
reasons = cannot()
cleans_up()
print("what it cannot do here:")
for command, reason in reasons:
    print(f"  {command}: {reason}")
print(f"{held()} checks in {time.monotonic() - begun:.0f} s")
