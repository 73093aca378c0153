"""The environment is read whole and refused by name."""

import pytest

from k8s_histogram_eq.settings import Faults, SettingsError, read_settings


def test_defaults():
    settings = read_settings({}, 8081)
    assert (settings.host, settings.port, settings.workers) == ('0.0.0.0', 8081, ())
    assert (settings.max_bytes, settings.max_pixels, settings.request_deadline) == (20 * 2**20, 40_000_000, 10)
    assert settings.revision == 'unknown' and not settings.faults.any


def test_empty_is_unset():
    assert read_settings(dict.fromkeys(('PORT', 'FAULT_ERROR_RATE', 'FAULT_SEED', 'WORKERS'), ''), 1) == read_settings({}, 1)


def test_all_of_it():
    settings = read_settings({
        'HOST': '127.0.0.1', 'PORT': '0', 'WORKERS': ' http://a:1, dns+http://b:2 ,', 'MAX_BYTES': '10', 'MAX_PIXELS': '9',
        'REQUEST_DEADLINE': '0.5', 'REVISION': 'abc', 'FAULT_ERROR_RATE': '0.2', 'FAULT_LATENCY_MS': '3', 'FAULT_CPU_MS': '4',
        'FAULT_SEED': '5'}, 8080)
    assert settings.workers == ('http://a:1', 'dns+http://b:2')
    assert (settings.port, settings.max_bytes, settings.max_pixels, settings.request_deadline) == (0, 10, 9, 0.5)
    assert settings.faults == Faults(0.2, 3, 4, 5) and settings.faults.any


@pytest.mark.parametrize('name, value', [
    ('PORT', '70000'), ('PORT', '-1'), ('PORT', '80.5'), ('PORT', 'http'), ('MAX_BYTES', '0'), ('MAX_PIXELS', '1e6'),
    ('REQUEST_DEADLINE', '0'), ('REQUEST_DEADLINE', 'nan'), ('REQUEST_DEADLINE', 'inf'), ('FAULT_ERROR_RATE', '1.1'),
    ('FAULT_ERROR_RATE', '20%'), ('FAULT_LATENCY_MS', '-1'), ('FAULT_SEED', 'x'),
    ('WORKERS', 'worker:8081'), ('WORKERS', 'http://worker'), ('WORKERS', 'https://worker:1'), ('WORKERS', 'http://w:1/path'),
    ('WORKERS', 'http://w:x'), ('WORKERS', 'http://w:99999'),
])
def test_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=f'^{name}: '):
        read_settings({name: value}, 8080)
