// Runs the commands of README.md as printed, and those of the documents about operating and
// stopping the cloud. All others: `./cobalt test test/documents`.
import { documentsRun } from '../documents/run-documents.testing.ts';

documentsRun('the commands of README.md, as printed', ['README.md', 'operate.md'], 1);
