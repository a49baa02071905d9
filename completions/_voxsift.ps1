
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'voxsift' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'voxsift'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'voxsift' {
            [CompletionResult]::new('--files-from', '--files-from', [CompletionResultType]::ParameterName, 'Read the names of inputs from this file, one a line')
            [CompletionResult]::new('--shard', '--shard', [CompletionResultType]::ParameterName, 'Take the K-th of N shares of the inputs, for N machines')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Sample rate of raw input [default: 16000]')
            [CompletionResult]::new('--channels', '--channels', [CompletionResultType]::ParameterName, 'Channels of raw input [default: 1]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to this file; `-` is standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this file; `-` is standard output')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Write into this directory, which is made if missing')
            [CompletionResult]::new('--output-dir', '--output-dir', [CompletionResultType]::ParameterName, 'Write into this directory, which is made if missing')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Name of the output [default: {stem}.isolated.{ext}, or {stem}.{ext} under -d]')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Format to write')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Format to write')
            [CompletionResult]::new('--spectrogram', '--spectrogram', [CompletionResultType]::ParameterName, 'Draw before and after as PNG; a folder for several')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write a page with figures, pictures and players')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Work on N at once [default: one a core; 2 for elevenlabs]')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Work on N at once [default: one a core; 2 for elevenlabs]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Who does the work [default: auto]')
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'Who does the work [default: auto]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'Neural network of the local engine [default: the best that is built in]')
            [CompletionResult]::new('--attenuation-limit', '--attenuation-limit', [CompletionResultType]::ParameterName, 'Take away at most this much noise, in dB')
            [CompletionResult]::new('--file-format', '--file-format', [CompletionResultType]::ParameterName, 'What the audio is declared to be')
            [CompletionResult]::new('--split', '--split', [CompletionResultType]::ParameterName, 'Send longer recordings in pieces, and join them: auto, never, or a piece''s most MINUTES')
            [CompletionResult]::new('--pad', '--pad', [CompletionResultType]::ParameterName, 'Send shorter recordings than the service takes with silence behind them, and cut the result: auto, never')
            [CompletionResult]::new('--preview', '--preview', [CompletionResultType]::ParameterName, 'A picture for the service''s history')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'Read the API key from this file')
            [CompletionResult]::new('--base-url', '--base-url', [CompletionResultType]::ParameterName, 'Where the service is [default: https://api.elevenlabs.io]')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'Send a request that failed again, up to N times')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Wait so long for the reply, and for all retries together')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Wait so long for a connection')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up when no byte moves for so long')
            [CompletionResult]::new('--max-minutes', '--max-minutes', [CompletionResultType]::ParameterName, 'Refuse to bill more minutes than this')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'When to draw the progress bar')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours')
            [CompletionResult]::new('--generate', '--generate', [CompletionResultType]::ParameterName, 'Print the man page, or the completions for a shell, and do nothing else')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Look into the directories below directories as well')
            [CompletionResult]::new('--recursive', '--recursive', [CompletionResultType]::ParameterName, 'Look into the directories below directories as well')
            [CompletionResult]::new('-0', '-0', [CompletionResultType]::ParameterName, 'Names in --files-from end with a zero byte, as `find -print0` writes them')
            [CompletionResult]::new('--null', '--null', [CompletionResultType]::ParameterName, 'Names in --files-from end with a zero byte, as `find -print0` writes them')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Input is headerless 16-bit little-endian samples')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Replace an existing output')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace an existing output')
            [CompletionResult]::new('--skip-existing', '--skip-existing', [CompletionResultType]::ParameterName, 'Do nothing when the output exists already')
            [CompletionResult]::new('--fail-fast', '--fail-fast', [CompletionResultType]::ParameterName, 'Begin nothing new after a failure')
            [CompletionResult]::new('--resample', '--resample', [CompletionResultType]::ParameterName, 'Send 16 kHz mono: less, but nothing above 8 kHz')
            [CompletionResult]::new('--stream', '--stream', [CompletionResultType]::ParameterName, 'Let the service reply while it works')
            [CompletionResult]::new('--retry-lost', '--retry-lost', [CompletionResultType]::ParameterName, 'Send it again also when the reply was lost after a whole upload: may be billed twice')
            [CompletionResult]::new('--ignore-limits', '--ignore-limits', [CompletionResultType]::ParameterName, 'Send what is too large, too long or too short for the service')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Say what would be done, and do nothing')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Say what would be done, and do nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object about each input on standard output')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
