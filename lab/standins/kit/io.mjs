// How a stand-in talks to the runner: the contract of @actions/core in the few lines these need.

import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';

export function input(name, { required = false } = {}) {
  const value = (process.env[`INPUT_${name.replace(/ /g, '_').toUpperCase()}`] ?? '').trim();
  if (required && value === '') throw new Error(`Input required and not supplied: ${name}`);
  return value;
}

/** YAML 1.2 core words, as @actions/core takes them. */
export function flag(name, fallback) {
  const value = input(name);
  if (value === '') return fallback;
  if (/^(true|True|TRUE)$/.test(value)) return true;
  if (/^(false|False|FALSE)$/.test(value)) return false;
  throw new Error(`Input ${name}: "${value}" is not true or false`);
}

export function lines(name) {
  return input(name)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

export function output(name, value) {
  assign('GITHUB_OUTPUT', name, value);
}

/** For the post part of the same action: STATE_<name>. */
export function saveState(name, value) {
  assign('GITHUB_STATE', name, value);
}

export function exportVariable(name, value) {
  assign('GITHUB_ENV', name, value);
}

export function addPath(folder) {
  appendFileSync(process.env.GITHUB_PATH, `${folder}\n`);
}

export function mask(secret) {
  for (const line of secret.split(/\r?\n/)) if (line !== '') console.log(`::add-mask::${escapeData(line)}`);
}

export function notice(message) {
  console.log(`::notice::${escapeData(message)}`);
}

export function warning(message) {
  console.log(`::warning::${escapeData(message)}`);
}

/** Runs the program of a stand-in: one error line and exit code 1 on a throw. */
export async function main(program) {
  try {
    await program();
  } catch (error) {
    console.log(`::error::${escapeData(error.message)}`);
    process.exitCode = 1;
  }
}

function assign(file, name, value) {
  // A random delimiter: no value can end its own block.
  const delimiter = `ghadelimiter_${randomUUID()}`;
  appendFileSync(process.env[file], `${name}<<${delimiter}\n${value}\n${delimiter}\n`);
}

function escapeData(text) {
  return String(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
