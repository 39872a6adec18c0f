"""The trigger that keeps the ledger as it was written: it refuses to change or delete an event, whoever tries.

One change passes: an erasure takes the person out of an event and leaves keyed hashes, everything else as it was.
"""

from __future__ import annotations

GUARD = """
CREATE FUNCTION dotbridge_consent_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
       AND NEW.address_hash IS NOT NULL AND NEW.details_hash IS NOT NULL
       AND OLD.address_hash IS NULL
       AND (NEW.email_key, NEW.entity, NEW.record_id, NEW.evidence, NEW.actor) = ('', '', '', '', '')
       AND (NEW.consent_text, NEW.url, NEW.ip_address, NEW.user_agent) = ('', '', '', '')
       AND NEW.remote_id IS NULL
       AND (NEW.id, NEW.learned_at, NEW.happened_at, NEW.scope, NEW.scope_id, NEW.what, NEW.source, NEW.status)
         = (OLD.id, OLD.learned_at, OLD.happened_at, OLD.scope, OLD.scope_id, OLD.what, OLD.source, OLD.status)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The consent ledger is append-only: events are neither changed nor deleted.'
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER dotbridge_consent_guard BEFORE UPDATE OR DELETE ON dotbridge_consent_consentevent
    FOR EACH ROW EXECUTE FUNCTION dotbridge_consent_guard();
"""
UNGUARD = "DROP FUNCTION IF EXISTS dotbridge_consent_guard() CASCADE"
