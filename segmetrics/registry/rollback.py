"""Back to the champion before this one."""

from __future__ import annotations

from segmetrics.errors import PromotionError, VerificationError
from segmetrics.registry.audit import Entry, lacks, last, read_entries, write_file
from segmetrics.registry.promotion import Moved, Seen, Target, check_reason, move
from segmetrics.registry.store import FORMER, get_version, session
from segmetrics.registry.verification import verify_version


def rollback(target: Target, *, reason: str, dry_run: bool = False) -> Moved:
    """Return the alias to the version that it pointed to before the present one was promoted.

    That version is verified as `segmetrics verify` does it. Nobody has to sign: going back is for
    emergencies. Once more goes back one more.

    Raises
    ------
    PromotionError
        There is no former champion, it was retired or deleted, or its bytes or evaluation changed.
        The alias has not moved.
    RegistryError
        The server or store fails. The alias has not moved.
    """
    check_reason(reason)
    with session(writes=not dry_run) as client:
        seen = Seen.of(client, target)
        champion = seen.points_to
        if champion is None:
            what = "points to no version: there is nothing to go back from"
            raise PromotionError(str(target), what, "`segmetrics promote` sets it")
        entries = read_entries(client, target.model)
        if _died(target, last(entries, target.alias), champion):
            write_file(target.audit, entries)
            return Moved(target, champion, champion)
        version = get_version(client, target.model, champion)
        former = version.tags.get(f"{FORMER}{target.alias}") if version is not None else None
        if former is None:
            what = f"is version {champion}, which replaced none: there is no former champion"
            raise PromotionError(str(target), what, "promote another model, or retire this version")
        try:
            found = verify_version(client, target.model, former)
        except VerificationError as error:
            problem = error.problems[0]
            what = f"cannot go back to version {former}: {problem.what}"
            raise PromotionError(str(target), what, "promote another model") from error
        if dry_run:
            return Moved(target, former, champion, dry_run=True)
        return move(client, target, former, found.eval_id, "rollback", reason, seen)


def _died(target: Target, entry: Entry | None, champion: str) -> bool:
    """Whether a rollback moved the alias and died before it wrote the file.

    Repeating it must not go back one more. Where another project made the last rollback, the first
    call tells of it and moves nothing, too.
    """
    if entry is None or entry.action != "rollback" or entry.version != champion:
        return False
    return lacks(target.audit, entry)
