"""The models of QuantConnect's command line against the simulator: what it has no command for."""

from zipfile import ZipFile

from harness import check, says


def decodes(project_id, user, token, organization_id, work):
    """What has no command of its own goes through the command line's models, which are strict about types."""
    from lean.container import container
    from lean.models.errors import RequestFailedError

    api = container.api_client
    api.set_user_token(user, token)
    organization = api.organizations.get(organization_id)
    check([o.id for o in api.organizations.get_all()] == [organization_id], "organizations")
    check(organization.credit.balance == api.accounts.get_organization(organization_id).creditBalance, organization)
    check(organization.credit.movements[-1].amount == -2, organization.credit.movements)
    check(api.users.get_info().name == organization.members[0].name, "user")
    nodes = api.nodes.get_all(organization_id)
    check((len(nodes.backtest), len(nodes.live), nodes.backtest[0].sku) == (2, 2, "B4-12"), nodes)
    environments = api.lean.environments()
    check(any(e.id == api.projects.get(project_id, organization_id).leanEnvironment for e in environments), environments)
    check(api.services.get_terminal_news_items() == [], "news")
    check(api.encryption_keys.list(organization_id)["keys"] == [], "keys")
    check(api.modules.list_files(1, organization_id) == [], "modules")
    check(api.auth0.read("alpaca").authorization is None, "nobody has signed in at a brokerage")

    dataset = api.market.list_datasets()[0]
    check((dataset.delivery.value, dataset.pending) == ("cloud & download", False), dataset)
    paths = api.data.list_files("equity/usa/daily/ko")
    check(paths == ["equity/usa/daily/ko.zip"], paths)
    vendor = next(v for v in api.data.get_info(organization_id).prices if v.regex.search(paths[0]))
    before = api.accounts.get_organization(organization_id).creditBalance
    target = work / "bought.zip"
    api.data.download_file(paths[0], organization_id, str(target), lambda _: None)
    check(before - api.accounts.get_organization(organization_id).creditBalance == vendor.price, vendor)
    rows = ZipFile(target).read("ko.csv").decode().splitlines()
    check(len(rows) > 2000 and rows[0].count(",") == 5, rows[:2])
    try:
        api.data.list_files("equity/usa/daily/nosuchticker")
        check(False, "an unknown prefix must fail")
    except RuntimeError as error:
        says("is not available", str(error))

    runs = api.backtests.list(project_id)
    run = next(run for run in runs if run["name"] == "From the command line")["backtestId"]
    chart = api.backtests.read_chart(project_id, run, "Strategy Equity", 0, 2**31, 100)
    equity = chart["series"]["Equity"]["values"][-1][-1]
    figures = api.backtests.get(project_id, run).statistics
    check(abs(equity - float(figures["End Equity"])) < 0.01, f"{equity} {figures['End Equity']}")
    orders = api.backtests.read_orders(project_id, run, 0, 100)
    check(orders["length"] == len(orders["orders"]) == int(figures["Total Orders"]), orders["length"])
    check(any("was not run" in line for line in api.backtests.read_log(project_id, run, 0, 200)["logs"]), "log")
    try:
        api.projects.get(-1, organization_id)
        check(False, "project -1 must not be there")
    except RequestFailedError as error:
        says("not found", str(error))
    print("  its models decode account, organization, nodes, environments, data market, charts, orders and logs")
