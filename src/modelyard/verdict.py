"""What `modelyard check` and `modelyard audit verify` say."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from rich.console import Console

from modelyard.audit.verification import Attestation
from modelyard.overview.integrity.check import Repaired, Verdict, Watch


@contextmanager
def watching() -> Iterator[Watch]:
    """Shows what is being looked at while the block runs, on stderr, where that is a terminal."""
    console = Console(stderr=True, highlight=False)
    with console.status("...") as status:
        yield lambda name, rows: status.update(f"{name}: {rows:,} rows" if rows else name)


def sentences(store: str, verdict: Verdict, repaired: Repaired | None) -> str:
    lines = []
    if repaired is not None:
        lines.append(f"Mended the property index: {repaired.removed:,} entries removed, {repaired.added:,} added.")
        lines.append(f"Mended metric blocks: of {repaired.rebuilt:,} runs.")
        lines.append(f"Counted versions anew: of {repaired.counted:,} models.")
    lines += [str(finding) for finding in verdict.findings]
    lines += [f"There is more of this kind ({name})." for name in verdict.cut]
    if verdict.whole:
        lines.append(f"{store} is whole: {len(verdict.looked)} checks found nothing wrong.")
    else:
        count = len(verdict.findings)
        lines.append(f"{store} is not whole: {count} finding{'' if count == 1 else 's'}.")
    return "\n".join(lines)


def document(verdict: Verdict, repaired: Repaired | None) -> str:
    told = {"whole": verdict.whole, "findings": verdict.findings, "cut": verdict.cut, "looked": verdict.looked}
    if repaired is not None:
        told["repaired"] = repaired._asdict()
    # SQLAlchemy keeps the names of tables in a text type of its own.
    return msgspec.json.format(msgspec.json.encode(told, enc_hook=str)).decode()


def attested(store: str, found: Attestation) -> str:
    sealed = f"{found.sealed:,} audit events are as they were sealed"
    if found.tampering is not None:
        return f"The audit log of {store} was tampered with: {found.tampering.problem}.\nUp to there {sealed}."
    return f"The audit log of {store} is intact: {sealed}, {found.waiting:,} more wait to be sealed.\nHead of the chain: {found.head}"


def attestation(found: Attestation) -> str:
    return msgspec.json.format(msgspec.json.encode({"intact": found.intact, **msgspec.structs.asdict(found)})).decode()
